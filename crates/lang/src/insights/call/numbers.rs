//! Functions of numbers.

use crate::insights::plan::Function;
use crate::insights::value::Value;

/// The value, if it is one of these functions.
pub(super) fn call<'v>(function: Function, values: &[Value<'v>]) -> Option<Value<'v>> {
    let number = |index: usize| values.get(index).and_then(Value::as_number);
    let of = |compute: fn(f64) -> f64| number(0).map_or(Value::Null, |number| Value::number(compute(number)));
    let all = || values.iter().map(Value::as_number).collect::<Option<Vec<f64>>>();
    Some(match function {
        Function::Abs => of(f64::abs),
        Function::Ceil => of(f64::ceil),
        Function::Floor => of(f64::floor),
        Function::Sqrt => of(f64::sqrt),
        Function::Log => of(f64::ln),
        Function::Exp => of(f64::exp),
        Function::Sign => of(|number| if number == 0.0 { 0.0 } else { number.signum() }),
        Function::LogBase => match (number(0), number(1)) {
            (Some(base), Some(number)) => Value::number(number.ln() / base.ln()),
            _ => Value::Null,
        },
        Function::Round => {
            let places = number(1).unwrap_or(0.0).clamp(-300.0, 300.0).trunc();
            let scale = 10_f64.powf(places);
            number(0).map_or(Value::Null, |number| Value::number((number * scale).round() / scale))
        }
        Function::Greatest => all().and_then(|all| all.into_iter().reduce(f64::max)).map_or(Value::Null, Value::number),
        Function::Least => all().and_then(|all| all.into_iter().reduce(f64::min)).map_or(Value::Null, Value::number),
        _ => return None,
    })
}
