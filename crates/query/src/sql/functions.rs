//! Functions that SQL over logs has and DataFusion, as it is compiled here, has not: Spark's for JSON and arrays, and arithmetic.
//! Each is a row of [`FUNCTIONS`]. A text that is asked to be a number and is none is nothing, as in Spark: what one event has in a field
//! fails no query.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, BooleanBuilder, Float64Array, Int32Array, ListBuilder, StringArray,
    StringBuilder,
};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Float64Type, TimeUnit};
use datafusion::common::{Result, exec_err, plan_err};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, TypeSignature, Volatility,
};

use super::json;
use crate::limits::SQL_TEXTS_MADE_BYTES_MAX;

/// A function: its name, what it takes and gives, and what it does with columns of values.
struct Definition {
    name: &'static str,
    takes: Takes,
    gives: fn(&[DataType]) -> DataType,
    call: fn(&[ArrayRef]) -> Result<ArrayRef>,
}

#[derive(Clone, Copy)]
enum Takes {
    /// So many texts.
    Texts(usize),
    /// So many numbers.
    Numbers(usize),
    /// A number, and perhaps a second.
    NumberOrTwo,
    /// Anything, so many.
    Any(usize),
    /// Anything, two or three.
    TwoOrThree,
    /// Anything, as many as one likes.
    Many,
}

/// What makes numbers of texts, and leaves everything else as it is. Nobody writes it: [`super::rewrite`] does, where numbers are meant.
pub(super) const AS_NUMBER: &str = "as_number";

/// The functions, by name.
const FUNCTIONS: &[Definition] = &[
    Definition { name: "get_json_object", takes: Takes::Texts(2), gives: text, call: get_json_object },
    Definition { name: "json_tuple_member", takes: Takes::Texts(2), gives: text, call: json_tuple_member },
    Definition { name: "json_array_length", takes: Takes::Texts(1), gives: int, call: json_array_length },
    Definition { name: "json_items", takes: Takes::Any(1), gives: list_of_text, call: json_items },
    Definition { name: "size", takes: Takes::Any(1), gives: int, call: size },
    Definition { name: "cardinality", takes: Takes::Any(1), gives: int, call: size },
    Definition { name: "array_contains", takes: Takes::Any(2), gives: bool, call: array_contains },
    Definition { name: "concat", takes: Takes::Many, gives: text, call: concat },
    Definition { name: "repeat", takes: Takes::Any(2), gives: text, call: repeat },
    Definition { name: "lpad", takes: Takes::TwoOrThree, gives: text, call: |args| padded(args, Side::Left) },
    Definition { name: "rpad", takes: Takes::TwoOrThree, gives: text, call: |args| padded(args, Side::Right) },
    Definition { name: AS_NUMBER, takes: Takes::Any(1), gives: number_or_same, call: as_number },
    Definition { name: "as_time", takes: Takes::Any(1), gives: time_or_same, call: as_time },
    Definition { name: "abs", takes: Takes::Numbers(1), gives: number, call: |args| each(args, f64::abs) },
    Definition { name: "ceil", takes: Takes::Numbers(1), gives: number, call: |args| each(args, f64::ceil) },
    Definition { name: "ceiling", takes: Takes::Numbers(1), gives: number, call: |args| each(args, f64::ceil) },
    Definition { name: "floor", takes: Takes::Numbers(1), gives: number, call: |args| each(args, f64::floor) },
    Definition { name: "sqrt", takes: Takes::Numbers(1), gives: number, call: |args| each(args, f64::sqrt) },
    Definition { name: "exp", takes: Takes::Numbers(1), gives: number, call: |args| each(args, f64::exp) },
    Definition { name: "ln", takes: Takes::Numbers(1), gives: number, call: |args| each(args, f64::ln) },
    Definition { name: "log2", takes: Takes::Numbers(1), gives: number, call: |args| each(args, f64::log2) },
    Definition { name: "log10", takes: Takes::Numbers(1), gives: number, call: |args| each(args, f64::log10) },
    Definition { name: "sign", takes: Takes::Numbers(1), gives: number, call: |args| each(args, sign) },
    Definition { name: "power", takes: Takes::Numbers(2), gives: number, call: |args| both(args, f64::powf) },
    Definition { name: "pow", takes: Takes::Numbers(2), gives: number, call: |args| both(args, f64::powf) },
    Definition { name: "round", takes: Takes::NumberOrTwo, gives: number, call: round },
];

/// Functions of DataFusion that make as much of a number as it says, and that nobody has for log events.
pub(super) const WITHOUT_BOUNDS: &[&str] =
    &["array_repeat", "list_repeat", "array_resize", "list_resize", "range", "generate_series"];

/// The functions, for a session.
pub(super) fn all() -> impl Iterator<Item = ScalarUDF> {
    FUNCTIONS.iter().map(|definition| ScalarUDF::from(Function { definition, signature: signature(definition.takes) }))
}

fn signature(takes: Takes) -> Signature {
    let signature = match takes {
        Takes::Texts(count) => TypeSignature::Exact(vec![DataType::Utf8; count]),
        Takes::NumberOrTwo => TypeSignature::OneOf(vec![TypeSignature::Any(1), TypeSignature::Any(2)]),
        Takes::TwoOrThree => TypeSignature::OneOf(vec![TypeSignature::Any(2), TypeSignature::Any(3)]),
        // Numbers are made of whatever comes.
        Takes::Numbers(count) | Takes::Any(count) => TypeSignature::Any(count),
        Takes::Many => TypeSignature::VariadicAny,
    };
    Signature::new(signature, Volatility::Immutable)
}

fn text(_: &[DataType]) -> DataType {
    DataType::Utf8
}

fn int(_: &[DataType]) -> DataType {
    DataType::Int32
}

fn bool(_: &[DataType]) -> DataType {
    DataType::Boolean
}

fn number(_: &[DataType]) -> DataType {
    DataType::Float64
}

fn list_of_text(_: &[DataType]) -> DataType {
    DataType::List(Arc::new(Field::new_list_field(DataType::Utf8, true)))
}

fn number_or_same(arguments: &[DataType]) -> DataType {
    match arguments.first() {
        Some(kind) if !is_text(kind) => kind.clone(),
        _ => DataType::Float64,
    }
}

fn time_or_same(arguments: &[DataType]) -> DataType {
    match arguments.first() {
        Some(kind) if !is_text(kind) => kind.clone(),
        _ => DataType::Timestamp(TimeUnit::Microsecond, None),
    }
}

fn is_text(kind: &DataType) -> bool {
    matches!(kind, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Null)
}

/// A definition as DataFusion takes it.
struct Function {
    definition: &'static Definition,
    signature: Signature,
}

impl std::fmt::Debug for Function {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.definition.name)
    }
}

impl PartialEq for Function {
    fn eq(&self, other: &Function) -> bool {
        self.definition.name == other.definition.name
    }
}

impl Eq for Function {}

impl Hash for Function {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.definition.name.hash(state);
    }
}

impl ScalarUDFImpl for Function {
    fn name(&self) -> &str {
        self.definition.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        Ok((self.definition.gives)(arguments))
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays: Vec<ArrayRef> =
            arguments.args.iter().map(|value| value.to_array(arguments.number_rows)).collect::<Result<_>>()?;
        (self.definition.call)(&arrays).map(ColumnarValue::Array)
    }
}

/// The argument at a place, as this type.
fn argument(arguments: &[ArrayRef], at: usize, kind: &DataType) -> Result<ArrayRef> {
    match arguments.get(at) {
        Some(array) => Ok(cast(array, kind)?),
        None => plan_err!("an argument is missing"),
    }
}

fn texts(arguments: &[ArrayRef], at: usize) -> Result<StringArray> {
    match argument(arguments, at, &DataType::Utf8)?.as_string_opt::<i32>() {
        Some(texts) => Ok(texts.clone()),
        None => exec_err!("an argument is no text"),
    }
}

fn numbers(arguments: &[ArrayRef], at: usize) -> Result<Float64Array> {
    match argument(arguments, at, &DataType::Float64)?.as_primitive_opt::<Float64Type>() {
        Some(numbers) => Ok(numbers.clone()),
        None => exec_err!("an argument is no number"),
    }
}

fn each(arguments: &[ArrayRef], function: fn(f64) -> f64) -> Result<ArrayRef> {
    let numbers = numbers(arguments, 0)?;
    Ok(Arc::new(Float64Array::from_iter(numbers.iter().map(|number| number.map(function).filter(|of| of.is_finite())))))
}

fn both(arguments: &[ArrayRef], function: fn(f64, f64) -> f64) -> Result<ArrayRef> {
    let (ones, others) = (numbers(arguments, 0)?, numbers(arguments, 1)?);
    let results = ones.iter().zip(&others).map(|(one, other)| Some(function(one?, other?)).filter(|of| of.is_finite()));
    Ok(Arc::new(Float64Array::from_iter(results)))
}

fn sign(number: f64) -> f64 {
    if number == 0.0 { 0.0 } else { number.signum() }
}

/// Half away from zero, to so many places.
fn round(arguments: &[ArrayRef]) -> Result<ArrayRef> {
    if arguments.len() < 2 {
        return each(arguments, f64::round);
    }
    both(arguments, |number, places| {
        let scale = 10_f64.powf(places.trunc().clamp(-300.0, 300.0));
        (number * scale).round() / scale
    })
}

/// A text that is a number, as one; anything else as it is.
fn as_number(arguments: &[ArrayRef]) -> Result<ArrayRef> {
    match arguments.first() {
        Some(array) if !is_text(array.data_type()) => Ok(array.clone()),
        _ => Ok(Arc::new(numbers(arguments, 0)?)),
    }
}

/// A text that is a time, as one; anything else as it is.
fn as_time(arguments: &[ArrayRef]) -> Result<ArrayRef> {
    match arguments.first() {
        Some(array) if !is_text(array.data_type()) => Ok(array.clone()),
        _ => argument(arguments, 0, &time_or_same(&[])),
    }
}

/// Texts behind one another; nothing, if one of them is.
fn concat(arguments: &[ArrayRef]) -> Result<ArrayRef> {
    let columns: Vec<StringArray> = (0..arguments.len()).map(|at| texts(arguments, at)).collect::<Result<_>>()?;
    Room::default().take(columns.iter().map(|texts| texts.value_data().len()).sum())?;
    let row = |row: usize| columns.iter().map(|texts| texts.is_valid(row).then(|| texts.value(row))).collect();
    let rows = arguments.first().map_or(0, |first| first.len());
    Ok(Arc::new(StringArray::from_iter((0..rows).map(row).collect::<Vec<Option<String>>>())))
}

/// The bytes that a call may still make.
struct Room(usize);

impl Default for Room {
    fn default() -> Room {
        Room(SQL_TEXTS_MADE_BYTES_MAX)
    }
}

impl Room {
    fn take(&mut self, bytes: usize) -> Result<()> {
        match self.0.checked_sub(bytes) {
            Some(left) => {
                self.0 = left;
                Ok(())
            }
            None => exec_err!("the query makes texts of more than {SQL_TEXTS_MADE_BYTES_MAX} bytes"),
        }
    }
}

fn repeat(arguments: &[ArrayRef]) -> Result<ArrayRef> {
    let (texts, counts) = (texts(arguments, 0)?, numbers(arguments, 1)?);
    let mut room = Room::default();
    let repeated = texts.iter().zip(&counts).map(|(text, count)| {
        let (Some(text), Some(count)) = (text, count) else { return Ok(None) };
        let count = count.max(0.0) as usize;
        room.take(text.len().saturating_mul(count))?;
        Ok(Some(text.repeat(count)))
    });
    Ok(Arc::new(StringArray::from_iter(repeated.collect::<Result<Vec<Option<String>>>>()?)))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Left,
    Right,
}

/// Texts of so many characters: cut at their end, or filled up on a side.
fn padded(arguments: &[ArrayRef], side: Side) -> Result<ArrayRef> {
    let (texts_in, lengths) = (texts(arguments, 0)?, numbers(arguments, 1)?);
    let pads = (arguments.len() > 2).then(|| texts(arguments, 2)).transpose()?;
    let mut room = Room::default();
    let mut row = |row: usize| {
        let pad = match &pads {
            Some(pads) if pads.is_null(row) => return Ok(None),
            Some(pads) => pads.value(row),
            None => " ",
        };
        if texts_in.is_null(row) || lengths.is_null(row) {
            return Ok(None);
        }
        let (text, length) = (texts_in.value(row), lengths.value(row).max(0.0) as usize);
        let count = text.chars().count();
        if count >= length || pad.is_empty() {
            return Ok(Some(text.chars().take(length).collect()));
        }
        room.take(text.len().saturating_add((length - count).saturating_mul(4)))?;
        let filling: String = pad.chars().cycle().take(length - count).collect();
        Ok(Some(if side == Side::Left { filling + text } else { text.to_owned() + &filling }))
    };
    let rows: Vec<Option<String>> = (0..texts_in.len()).map(&mut row).collect::<Result<_>>()?;
    Ok(Arc::new(StringArray::from_iter(rows)))
}

fn get_json_object(arguments: &[ArrayRef]) -> Result<ArrayRef> {
    of_texts(arguments, json::get_json_object)
}

fn json_tuple_member(arguments: &[ArrayRef]) -> Result<ArrayRef> {
    of_texts(arguments, json::member)
}

fn of_texts(arguments: &[ArrayRef], function: fn(&str, &str) -> Option<String>) -> Result<ArrayRef> {
    let (ones, others) = (texts(arguments, 0)?, texts(arguments, 1)?);
    let results = ones.iter().zip(&others).map(|(one, other)| function(one?, other?));
    Ok(Arc::new(StringArray::from_iter(results)))
}

fn json_array_length(arguments: &[ArrayRef]) -> Result<ArrayRef> {
    let texts = texts(arguments, 0)?;
    let length = |text: &str| text.trim_start().starts_with('[').then(|| json::size(text)).flatten();
    let lengths = texts.iter().map(|text| i32::try_from(length(text?)?).ok());
    Ok(Arc::new(Int32Array::from_iter(lengths)))
}

/// The items of a list, or of JSON that is one.
fn json_items(arguments: &[ArrayRef]) -> Result<ArrayRef> {
    if let Some(list) = arguments.first().filter(|array| matches!(array.data_type(), DataType::List(_))) {
        return Ok(cast(list, &list_of_text(&[]))?);
    }
    let texts = texts(arguments, 0)?;
    let mut lists = ListBuilder::new(StringBuilder::new());
    for text in &texts {
        match text.and_then(json::items) {
            Some(items) => {
                items.iter().for_each(|item| lists.values().append_option(item.as_deref()));
                lists.append(true);
            }
            None => lists.append(false),
        }
    }
    Ok(Arc::new(lists.finish()))
}

/// Spark's size of nothing is -1.
fn size(arguments: &[ArrayRef]) -> Result<ArrayRef> {
    const OF_NOTHING: i32 = -1;
    let Some(array) = arguments.first() else { return plan_err!("size takes an argument") };
    let length = |length: usize| i32::try_from(length).unwrap_or(i32::MAX);
    if let Some(lists) = array.as_list_opt::<i32>() {
        let sizes = lists.iter().map(|list| list.map_or(OF_NOTHING, |list| length(list.len())));
        return Ok(Arc::new(Int32Array::from_iter_values(sizes)));
    }
    let sizes = texts(arguments, 0)?;
    let sizes = sizes.iter().map(|text| text.and_then(json::size).map_or(OF_NOTHING, length));
    Ok(Arc::new(Int32Array::from_iter_values(sizes)))
}

/// Whether a list, or JSON that is one, has an item that reads like the value.
fn array_contains(arguments: &[ArrayRef]) -> Result<ArrayRef> {
    let lists = json_items(arguments)?;
    let wanted = texts(arguments, 1)?;
    let Some(lists) = lists.as_list_opt::<i32>() else { return exec_err!("an argument is no list") };
    let mut found = BooleanBuilder::new();
    for (list, wanted) in lists.iter().zip(&wanted) {
        let has = list.zip(wanted).map(|(list, wanted)| {
            list.as_string_opt::<i32>().is_some_and(|items| items.iter().any(|item| item == Some(wanted)))
        });
        found.append_option(has);
    }
    Ok(Arc::new(found.finish()) as Arc<BooleanArray>)
}

#[cfg(test)]
mod tests {
    use arrow::datatypes::Int64Type;

    use super::*;

    fn ints(array: &ArrayRef) -> Vec<Option<i64>> {
        cast(array, &DataType::Int64).unwrap().as_primitive::<Int64Type>().iter().collect()
    }

    fn column(texts: &[Option<&str>]) -> ArrayRef {
        Arc::new(StringArray::from(texts.to_vec()))
    }

    #[test]
    fn sizes_of_lists_and_json() {
        let json = column(&[Some("[1,2]"), Some(r#"{"a":1}"#), Some("x"), None]);
        assert_eq!(ints(&size(std::slice::from_ref(&json)).unwrap()), [Some(2), Some(1), Some(-1), Some(-1)]);
        assert_eq!(
            ints(&size(&[json_items(std::slice::from_ref(&json)).unwrap()]).unwrap()),
            [Some(2), Some(1), Some(-1), Some(-1)]
        );
        assert_eq!(ints(&json_array_length(&[json]).unwrap()), [Some(2), None, None, None]);
    }

    #[test]
    fn arrays_contain_what_reads_alike() {
        let json = column(&[Some(r#"["a","b"]"#), Some("[1]"), Some("[1]"), None]);
        let wanted = column(&[Some("b"), Some("1"), Some("2"), Some("x")]);
        let found = array_contains(&[json, wanted]).unwrap();
        assert_eq!(found.as_boolean().iter().collect::<Vec<_>>(), [Some(true), Some(true), Some(false), None]);
    }

    #[test]
    fn texts_are_numbers_where_numbers_are_meant() {
        let texts = column(&[Some("1"), Some("2.5"), Some("x"), Some(""), None]);
        let numbers = as_number(&[texts]).unwrap();
        assert_eq!(
            numbers.as_primitive::<Float64Type>().iter().collect::<Vec<_>>(),
            [Some(1.0), Some(2.5), None, None, None]
        );
        let whole = cast(&numbers, &DataType::Int64).unwrap();
        assert_eq!(as_number(std::slice::from_ref(&whole)).unwrap().data_type(), &DataType::Int64);
        assert_eq!(number_or_same(&[DataType::Int64]), DataType::Int64);
        assert_eq!(number_or_same(&[DataType::Utf8]), DataType::Float64);
        let joined = concat(&[column(&[Some("a"), None]), column(&[Some("b"), Some("c")])]).unwrap();
        assert_eq!(joined.as_string::<i32>().iter().collect::<Vec<_>>(), [Some("ab"), None]);
    }

    #[test]
    fn arithmetic() {
        let of = |numbers: &[f64]| Arc::new(Float64Array::from(numbers.to_vec())) as ArrayRef;
        let numbers = |array: ArrayRef| array.as_primitive::<Float64Type>().iter().collect::<Vec<_>>();
        assert_eq!(numbers(round(&[of(&[2.5, -2.5])]).unwrap()), [Some(3.0), Some(-3.0)]);
        assert_eq!(numbers(round(&[of(&[1.256]), of(&[2.0])]).unwrap()), [Some(1.26)]);
        assert_eq!(numbers(each(&[of(&[4.0, -1.0])], f64::sqrt).unwrap()), [Some(2.0), None]);
        assert_eq!(numbers(both(&[of(&[2.0]), of(&[3.0])], f64::powf).unwrap()), [Some(8.0)]);
    }
}
