//! The level that a metric is at, beside its seasons, and the trend of it.

use super::frame::Frame;
use super::robust::{ERROR_OF_MEDIAN, Groups, SIGMA_OF_MAD, median, sigma};
use super::{Adaptation, DAY_MS, HOUR_MS};

/// How far ahead a trend goes on.
const TREND_MS: i64 = 2 * DAY_MS;

/// How many standard deviations an hour is from the level for it to be strange.
const STRANGE_SIGMAS: f64 = 3.0;

/// How many standard errors a trend must be.
const TREND_ERRORS: f64 = 2.0;

/// The blocks that a level is made of at least, if they are longer than an hour: the median of fewer is mostly chance.
const BLOCKS_MIN: usize = 6;

/// The share of a usual day's points that a day must have to be compared with others.
const WHOLE_DAY: f64 = 0.7;

/// The level of each sample by its day, before anything is known of the seasons: with two weeks, the median of the seven days
/// around it without what sets them apart in every week, so that the week's season is left in what remains; with fewer, of the
/// day itself.
pub(super) fn first(frame: &Frame) -> Vec<f64> {
    let by_day = frame.samples.iter().map(|sample| (sample.day, sample.value));
    let days = Groups::new(frame.days, by_day).medians();
    let most = days.iter().flatten().map(|(_, count)| *count).max().unwrap_or(0);
    let whole: Vec<(usize, f64)> = days
        .iter()
        .enumerate()
        .filter_map(|(day, found)| found.map(|(median, count)| (day, median, count)))
        .filter(|(_, _, count)| *count as f64 >= WHOLE_DAY * most as f64)
        .map(|(day, median, _)| (day, median))
        .collect();
    let reach = if frame.span_ms() >= 13 * DAY_MS { 3 } else { 0 };
    let apart = days_apart(&whole);
    let alike = |(day, median): &(usize, f64)| median - apart.get(day % 7).filter(|_| reach > 0).unwrap_or(&0.0);
    let of_day = |day: usize| {
        let at = whole.partition_point(|(other, _)| *other < day).min(whole.len().saturating_sub(1));
        // At the ends it is the seven days nearest to the end.
        let from = at.saturating_sub(reach).min(whole.len().saturating_sub(2 * reach + 1));
        let mut around: Vec<f64> = whole.iter().skip(from).take(2 * reach + 1).map(alike).collect();
        median(&mut around).unwrap_or(0.0)
    };
    let levels: Vec<f64> = (0..frame.days).map(of_day).collect();
    frame.samples.iter().map(|sample| levels.get(sample.day).copied().unwrap_or(0.0)).collect()
}

/// By how much the days of the week are apart from the middle of all days, as far as every week agrees.
fn days_apart(days: &[(usize, f64)]) -> [f64; 7] {
    let middle = median(&mut days.iter().map(|(_, median)| *median).collect::<Vec<_>>()).unwrap_or(0.0);
    std::array::from_fn(|weekday| {
        let apart: Vec<f64> =
            days.iter().filter(|(day, _)| day % 7 == weekday).map(|(_, median)| median - middle).collect();
        agreed(&apart).unwrap_or(0.0)
    })
}

/// What all of several values agree on: the least of them if they have one sign, `None` if not, or if there is only one.
pub(super) fn agreed(values: &[f64]) -> Option<f64> {
    let least = values.iter().copied().min_by(|a, b| a.abs().total_cmp(&b.abs())).filter(|_| values.len() >= 2)?;
    values.iter().all(|value| value.signum() == least.signum()).then_some(least)
}

/// The median of each block of what the seasons leave.
pub(super) fn blocks(frame: &Frame, without_seasons: &[f64]) -> Vec<Option<f64>> {
    let items = frame.samples.iter().zip(without_seasons).map(|(sample, value)| (sample.block, *value));
    Groups::new(frame.blocks, items).map(median)
}

/// The level of each sample, from the day around it.
pub(super) fn centered(frame: &Frame, blocks: &[Option<f64>]) -> Vec<f64> {
    let reach = (DAY_MS / 2 / frame.block_ms) as usize;
    let of_block = |block: usize| {
        let from = block.saturating_sub(reach);
        let mut around: Vec<f64> = blocks.iter().skip(from).take(block + reach + 1 - from).flatten().copied().collect();
        median(&mut around).unwrap_or(0.0)
    };
    let levels: Vec<f64> = (0..blocks.len()).map(of_block).collect();
    frame.samples.iter().map(|sample| levels.get(sample.block).copied().unwrap_or(0.0)).collect()
}

/// The level over time, as it was known at each time from what came before.
#[derive(Debug, Clone)]
pub(super) struct Level {
    start_ms: i64,
    end_ms: i64,
    block_ms: i64,
    /// By blocks.
    known: Vec<f32>,
    /// Behind the last block.
    last: f64,
    slope_per_day: f64,
}

impl Level {
    pub(super) fn new(frame: &Frame, blocks: &[Option<f64>], adaptation: Adaptation, has_days: bool) -> Level {
        // Without a profile of the day, it is the level that has to follow it.
        let window_ms = if has_days { adaptation.window_ms() } else { adaptation.window_ms().min(3 * HOUR_MS) };
        let least = if frame.block_ms > HOUR_MS { BLOCKS_MIN } else { 1 };
        let window = ((window_ms / frame.block_ms) as usize).max(least);
        let slope_per_day = if has_days { slope_per_day(blocks, frame.block_ms) } else { 0.0 };
        let trailing = Trailing { blocks, window, slope: slope_per_day * frame.block_ms as f64 / DAY_MS as f64 };
        let rough = trailing.levels(f64::INFINITY);
        let distances = blocks.iter().zip(&rough).filter_map(|(block, level)| Some((block.as_ref()? - level).abs()));
        let spread = sigma(&mut distances.collect::<Vec<_>>());
        let mut levels = trailing.levels(STRANGE_SIGMAS * spread);
        let last = levels.pop().unwrap_or(0.0);
        let known = levels.into_iter().map(|level| level as f32).collect();
        let Frame { start_ms, end_ms, block_ms, .. } = *frame;
        Level { start_ms, end_ms, block_ms, known, last, slope_per_day }
    }

    /// The level of a block.
    pub(super) fn of_block(&self, block: usize) -> f64 {
        self.known.get(block).map_or(self.last, |level| f64::from(*level))
    }

    /// The level at a time.
    pub(super) fn at(&self, time_ms: i64) -> f64 {
        if time_ms >= self.end_ms {
            let ahead_ms = time_ms.saturating_sub(self.end_ms).min(TREND_MS);
            return self.last + self.slope_per_day * ahead_ms as f64 / DAY_MS as f64;
        }
        let block = time_ms.saturating_sub(self.start_ms).max(0) / self.block_ms.max(1);
        self.of_block(block as usize)
    }

    /// The bytes that it takes.
    pub(super) fn bytes(&self) -> usize {
        self.known.capacity() * size_of::<f32>()
    }
}

/// The blocks, and how levels are made of them.
struct Trailing<'b> {
    blocks: &'b [Option<f64>],
    /// So many blocks make a level.
    window: usize,
    /// The trend from one block to the next.
    slope: f64,
}

impl Trailing<'_> {
    /// The level of each block, and of the one behind the last: the median of those before it. Blocks that are farther from the
    /// level before than `strange` do not count until half of them are.
    fn levels(&self, strange: f64) -> Vec<f64> {
        let mut levels: Vec<f64> = Vec::with_capacity(self.blocks.len() + 1);
        for block in 0..=self.blocks.len() {
            // The first have nothing before them, and take what comes.
            let from = block.min(self.blocks.len()).saturating_sub(self.window);
            let (from, to) = if block < self.window { (0, self.window) } else { (from, block) };
            let found = (from..to).filter_map(|at| Some((at, self.blocks.get(at).copied().flatten()?)));
            // What each says of this one.
            let mut said: Vec<f64> = found.map(|(at, value)| value + self.slope * (block as f64 - at as f64)).collect();
            if let Some(before) = levels.last().filter(|_| block > self.window) {
                let count = said.len();
                let close = |value: &f64| (value - before).abs() <= strange;
                if 2 * said.iter().filter(|value| close(value)).count() > count {
                    said.retain(close);
                }
            }
            let level = median(&mut said).or(levels.last().copied());
            levels.push(level.unwrap_or(0.0));
        }
        levels
    }
}

/// The trend: the median of the differences from day to day, which a shift of the level does not move, if it is more than
/// chance.
fn slope_per_day(blocks: &[Option<f64>], block_ms: i64) -> f64 {
    let of_day = ((DAY_MS / block_ms) as usize).max(1);
    let whole_days = blocks.rchunks(of_day).filter(|day| day.len() == of_day);
    let mut days: Vec<f64> =
        whole_days.filter_map(|day| median(&mut day.iter().flatten().copied().collect::<Vec<_>>())).collect();
    days.reverse();
    let mut differences: Vec<f64> = days.iter().zip(days.iter().skip(1)).map(|(one, next)| next - one).collect();
    if differences.len() < 4 {
        return 0.0;
    }
    let slope = median(&mut differences).unwrap_or(0.0);
    let mut distances: Vec<f64> = differences.iter().map(|difference| (difference - slope).abs()).collect();
    let noise = SIGMA_OF_MAD * median(&mut distances).unwrap_or(0.0);
    let error = ERROR_OF_MEDIAN * noise / (differences.len() as f64).sqrt();
    if slope.abs() > TREND_ERRORS * error { slope } else { 0.0 }
}
