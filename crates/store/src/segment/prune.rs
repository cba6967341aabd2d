//! What need not be read: row groups and pages that statistics, bloom filters or token filters rule out.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, UInt64Array};
use arrow::datatypes::{Int64Type, UInt64Type};
use parquet::arrow::arrow_reader::RowSelection;
use parquet::arrow::arrow_reader::statistics::StatisticsConverter;
use parquet::bloom_filter::Sbbf;

use super::cache::{FooterCache, Parsed, Part};
use super::error::SegmentError;
use super::pieces::PieceFilter;
use super::plan::{Filter, Plan, Test};
use super::source::Source;
use super::tokens::{TokenFilter, tokens};
use crate::scan::KeySet;

/// How many values of a key set are looked up in a bloom filter; larger sets are likely met anyway.
const BLOOM_LOOKUPS_MAX: usize = 256;

/// What statistics say of the rows of a row group and one filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// No row passes.
    None,
    /// Some may pass.
    Some,
    /// All rows pass.
    All,
}

/// The verdict of one filter over each row group.
pub(super) fn row_groups(source: &Source, filter: &Filter<'_>) -> Result<Vec<Verdict>, SegmentError> {
    let parquet = source.footer.parquet();
    let wrap = |error| SegmentError::damaged(&source.path, error);
    let statistics = statistics(source, filter)?;
    let mins = statistics.row_group_mins(parquet.row_groups()).map_err(wrap)?;
    let maxes = statistics.row_group_maxes(parquet.row_groups()).map_err(wrap)?;
    let nulls = statistics.row_group_null_counts(parquet.row_groups()).map_err(wrap)?;
    let bounds = Bounds { mins, maxes, nulls };
    Ok((0..parquet.num_row_groups()).map(|row_group| bounds.judge(&filter.test, row_group)).collect())
}

/// The rows of a row group in pages that may hold passing rows; `None` if that is all of them.
pub(super) fn pages(
    source: &Source,
    row_group: usize,
    filters: &[&Filter<'_>],
) -> Result<Option<RowSelection>, SegmentError> {
    let parquet = source.footer.parquet();
    let wrap = |error| SegmentError::damaged(&source.path, error);
    let (Some(columns), Some(offsets)) = (parquet.column_index(), parquet.offset_index()) else { return Ok(None) };
    let Some(rows) = parquet.row_groups().get(row_group).map(|group| group.num_rows() as usize) else {
        return Ok(None);
    };
    let mut selection: Option<RowSelection> = None;
    for filter in filters {
        let statistics = statistics(source, filter)?;
        let only = [row_group];
        let mins = statistics.data_page_mins(columns, offsets, &only).map_err(wrap)?;
        let maxes = statistics.data_page_maxes(columns, offsets, &only).map_err(wrap)?;
        let nulls = statistics.data_page_null_counts(columns, offsets, &only).map_err(wrap)?;
        let bounds = Bounds { mins, maxes, nulls };
        let pages = offsets.get(row_group).and_then(|group| group.get(filter.place));
        let starts: Vec<usize> = pages
            .map(|pages| pages.page_locations().iter().map(|page| page.first_row_index as usize).collect())
            .unwrap_or_default();
        let ends = starts.iter().skip(1).copied().chain([rows]);
        let pages: Vec<Range<usize>> = starts.iter().copied().zip(ends).map(|(start, end)| start..end).collect();
        let wanted: Vec<&Range<usize>> = pages
            .iter()
            .enumerate()
            .filter(|(page, _)| bounds.judge(&filter.test, *page) != Verdict::None)
            .map(|(_, rows)| rows)
            .collect();
        if wanted.len() == pages.len() {
            continue;
        }
        let these = RowSelection::from_consecutive_ranges(wanted.into_iter().cloned(), rows);
        selection = Some(match selection {
            Some(before) => before.intersection(&these),
            None => these,
        });
    }
    Ok(selection)
}

/// Whether the bloom filters of a row group rule out one of `filters`.
pub(super) fn blooms_rule_out(
    source: &Source,
    cache: &FooterCache,
    plan: &Plan<'_>,
    row_group: usize,
    filters: &[&Filter<'_>],
) -> Result<bool, SegmentError> {
    for filter in filters {
        let Test::Key(set) = &filter.test else { continue };
        let values = match set {
            KeySet::U64(ids) => ids.len(),
            KeySet::Text(texts) => texts.len(),
        };
        if values > BLOOM_LOOKUPS_MAX || !plan.scan.table.bloom.contains(&filter.column) {
            continue;
        }
        let Some(bloom) = bloom(source, cache, row_group, filter.place)? else { continue };
        let perhaps = match set {
            KeySet::U64(ids) => ids.iter().any(|id| bloom.check(&id.cast_signed())),
            KeySet::Text(texts) => texts.iter().any(|text| bloom.check(text.as_str())),
        };
        if !perhaps {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether the token filter of a row group rules out the scan's text filter.
pub(super) fn tokens_rule_out(
    source: &Source,
    cache: &FooterCache,
    plan: &Plan<'_>,
    row_group: usize,
) -> Result<bool, SegmentError> {
    let Some(text) = plan.scan.text.as_ref().filter(|text| !text.tokens.is_empty()) else { return Ok(false) };
    if let Some(escape) = &text.escape {
        let escaped = [escape.clone()];
        let may_be_escaped = match piece_filter(source, cache, row_group)? {
            Some(filter) => !filter.may_contain(&escaped, None, rows(source, row_group)).is_empty(),
            None => true,
        };
        if may_be_escaped {
            return Ok(false);
        }
    }
    let stored = source.footer.about.token_filters.get(row_group).copied().flatten();
    let Some((offset, length)) = stored else { return Ok(false) };
    let filter = cache.get(&source.path, Part::Tokens { row_group }, || {
        let bytes = source.data(offset..offset.saturating_add(length))?;
        // A copy, so that the cache does not hold on to the blocks around it.
        let filter = TokenFilter::parse(bytes.to_vec().into())
            .ok_or_else(|| SegmentError::damaged(&source.path, "a token filter is malformed"))?;
        let memory = filter.memory();
        Ok::<_, SegmentError>((Parsed::Tokens(Arc::new(filter)), memory))
    })?;
    let Parsed::Tokens(filter) = filter else { return Ok(false) };
    let mut wanted = text.tokens.iter().flat_map(|token| tokens(token.as_bytes()));
    Ok(wanted.any(|token| !filter.may_have(token)))
}

/// The rows of a row group that the piece filter leaves to the scan's text filter; `None` if it rules out none.
pub(super) fn pieces(
    source: &Source,
    cache: &FooterCache,
    plan: &Plan<'_>,
    row_group: usize,
) -> Result<Option<RowSelection>, SegmentError> {
    let Some(text) = plan.scan.text.as_ref().filter(|text| !text.literals.is_empty()) else { return Ok(None) };
    let Some(filter) = piece_filter(source, cache, row_group)? else { return Ok(None) };
    let rows = rows(source, row_group);
    let ranges = filter.may_contain(&text.literals, text.escape.as_deref(), rows);
    Ok(Some(RowSelection::from_consecutive_ranges(ranges.into_iter(), rows)))
}

/// The piece filter of a row group, if it has one.
fn piece_filter(
    source: &Source,
    cache: &FooterCache,
    row_group: usize,
) -> Result<Option<Arc<PieceFilter>>, SegmentError> {
    let stored = source.footer.about.piece_filters.get(row_group).copied().flatten();
    let Some((offset, length)) = stored else { return Ok(None) };
    let filter = cache.get(&source.path, Part::Pieces { row_group }, || {
        let bytes = source.data(offset..offset.saturating_add(length))?;
        // A copy, so that the cache does not hold on to the blocks around it.
        let filter = PieceFilter::parse(bytes.to_vec().into())
            .ok_or_else(|| SegmentError::damaged(&source.path, "a piece filter is malformed"))?;
        let memory = filter.memory();
        Ok::<_, SegmentError>((Parsed::Pieces(Arc::new(filter)), memory))
    })?;
    Ok(match filter {
        Parsed::Pieces(filter) => Some(filter),
        _ => None,
    })
}

fn rows(source: &Source, row_group: usize) -> usize {
    source.footer.parquet().row_groups().get(row_group).map_or(0, |group| group.num_rows() as usize)
}

fn bloom(
    source: &Source,
    cache: &FooterCache,
    row_group: usize,
    column: usize,
) -> Result<Option<Arc<Sbbf>>, SegmentError> {
    let chunk = source.footer.parquet().row_groups().get(row_group).and_then(|group| group.columns().get(column));
    let range = chunk.and_then(|chunk| {
        let offset = u64::try_from(chunk.bloom_filter_offset()?).ok()?;
        Some(offset..offset.checked_add(u64::try_from(chunk.bloom_filter_length()?).ok()?)?)
    });
    let Some(range) = range else { return Ok(None) };
    let parsed = cache.get(&source.path, Part::Bloom { row_group, column }, || {
        let memory = (range.end - range.start) as usize;
        let bytes = source.data(range)?;
        let bloom = Sbbf::from_bytes(&bytes).map_err(|error| SegmentError::damaged(&source.path, error))?;
        Ok::<_, SegmentError>((Parsed::Bloom(Arc::new(bloom)), memory))
    })?;
    Ok(match parsed {
        Parsed::Bloom(bloom) => Some(bloom),
        _ => None,
    })
}

fn statistics<'s>(source: &'s Source, filter: &Filter<'_>) -> Result<StatisticsConverter<'s>, SegmentError> {
    let arrow = &source.footer.arrow;
    let wrap = |error| SegmentError::damaged(&source.path, error);
    let field = arrow.schema().fields().get(filter.place);
    let field = field.ok_or_else(|| SegmentError::damaged(&source.path, "it has fewer columns than it says"))?;
    StatisticsConverter::from_column_index(filter.place, field, arrow.parquet_schema()).map_err(wrap)
}

/// The least and greatest values of some row groups or pages. Either may be wider than the truth, or unknown.
struct Bounds {
    mins: ArrayRef,
    maxes: ArrayRef,
    nulls: UInt64Array,
}

impl Bounds {
    fn judge(&self, test: &Test<'_>, index: usize) -> Verdict {
        if index >= self.mins.len() || self.mins.is_null(index) || self.maxes.is_null(index) {
            return Verdict::Some;
        }
        let (some, all) = match test {
            Test::Time(scan) => {
                let (Some(mins), Some(maxes)) =
                    (self.mins.as_primitive_opt::<Int64Type>(), self.maxes.as_primitive_opt::<Int64Type>())
                else {
                    return Verdict::Some;
                };
                let (min, max) = (mins.value(index), maxes.value(index));
                (scan.overlaps_time(min, max), scan.holds_time(min) && scan.holds_time(max))
            }
            Test::Key(set @ KeySet::U64(_)) => {
                let (Some(mins), Some(maxes)) =
                    (self.mins.as_primitive_opt::<UInt64Type>(), self.maxes.as_primitive_opt::<UInt64Type>())
                else {
                    return Verdict::Some;
                };
                let (min, max) = (mins.value(index), maxes.value(index));
                (set.meets_ids(min, max), min == max && set.has_id(min))
            }
            Test::Key(KeySet::Text(texts)) => {
                let (Some(mins), Some(maxes)) = (self.mins.as_string_opt::<i32>(), self.maxes.as_string_opt::<i32>())
                else {
                    return Verdict::Some;
                };
                let (min, max) = (mins.value(index), maxes.value(index));
                // Long bounds are cut short, so equal ones prove nothing.
                let first = texts.get(texts.partition_point(|text| text.as_str() < min));
                (first.is_some_and(|text| text.as_str() <= max), false)
            }
        };
        let present = index < self.nulls.len() && self.nulls.is_valid(index) && self.nulls.value(index) == 0;
        match (some, all && present) {
            (false, _) => Verdict::None,
            (true, false) => Verdict::Some,
            (true, true) => Verdict::All,
        }
    }
}
