use jiff::civil::{DateTime, date};
use proptest::prelude::*;

use super::*;

static WEEKDAYS: Field = Field { name: "weekday", lowest: 0, highest: 7, names: &[("SUN", 0), ("FRI", 5), ("SUN", 7)] };
static MONTHS_FIELD: Field = MONTHS;
static MINUTES_FIELD: Field = MINUTES;
static HOURS_FIELD: Field = HOURS;

fn values(field: &'static Field, text: &str) -> Result<Vec<u32>, String> {
    let values = field.parse(text).map_err(|error| error.to_string())?;
    Ok((0..=100).filter(|value| values.has(*value)).collect())
}

#[test]
fn fields_name_values() {
    let cases: [(&'static Field, &str, &[u32]); 11] = [
        (&MINUTES_FIELD, "0", &[0]),
        (&MINUTES_FIELD, "59,07", &[7, 59]),
        (&MINUTES_FIELD, "3-5,4-7", &[3, 4, 5, 6, 7]),
        (&MINUTES_FIELD, "9-9", &[9]),
        (&MONTHS_FIELD, "*", &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]),
        (&MONTHS_FIELD, "jan,11-DEC", &[1, 11, 12]),
        (&WEEKDAYS, "SUN", &[0]),
        (&WEEKDAYS, "SUN-1", &[0, 1]),
        (&WEEKDAYS, "FRI-SUN", &[5, 6, 7]),
        (&WEEKDAYS, "SUN-SUN", &[0]),
        (&WEEKDAYS, "7", &[7]),
    ];
    for (field, text, expected) in cases {
        assert_eq!(values(field, text).as_deref(), Ok(expected), "{text}");
    }
}

#[test]
fn bad_fields_say_where() {
    let cases = [
        (&MINUTES_FIELD, "60", "'60' is no minute from 0 to 59 at position 1"),
        (&MINUTES_FIELD, "1,,2", "'' is no minute from 0 to 59 at position 3"),
        (&MINUTES_FIELD, "", "'' is no minute from 0 to 59 at position 1"),
        (&MINUTES_FIELD, "1,5-", "'' is no minute from 0 to 59 at position 3"),
        (&MINUTES_FIELD, "-5", "'' is no minute from 0 to 59 at position 1"),
        (&MINUTES_FIELD, "1-2-3", "'2-3' is no minute from 0 to 59 at position 1"),
        (&MINUTES_FIELD, "+5", "'+5' is no minute from 0 to 59 at position 1"),
        (&MINUTES_FIELD, "*/5", "'*/5' is no minute from 0 to 59 at position 1"),
        (&MINUTES_FIELD, "?", "'?' is no minute from 0 to 59 at position 1"),
        (&MINUTES_FIELD, "1,7-5", "the range '7-5' ends before it starts at position 3"),
        (&MONTHS_FIELD, "0", "'0' is no month from 1 to 12 at position 1"),
        (&MONTHS_FIELD, "ÄR,JUNE", "'ÄR' is no month from 1 to 12 at position 1"),
        (&MONTHS_FIELD, "MAY,JUNE", "'JUNE' is no month from 1 to 12 at position 5"),
        (&WEEKDAYS, "5-0", "the range '5-0' ends before it starts at position 1"),
        (&WEEKDAYS, "8", "'8' is no weekday from 0 to 7 at position 1"),
        (&MINUTES_FIELD, "99999999999999", "'99999999999999' is no minute from 0 to 59 at position 1"),
    ];
    for (field, text, expected) in cases {
        assert_eq!(values(field, text), Err(expected.to_owned()), "{text}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// As somebody has it who tries minute after minute.
    #[test]
    fn times_are_found_one_after_the_other(
        minutes in "([0-9]|[1-5][0-9])(,[1-5][0-9])?",
        hours in "([0-9]|1[0-9]|2[0-3]|1-7|\\*)",
        months in "([1-4]|1-12|2,4)",
        every in 1_i8..6,
        at in 0_i64..6 * 1440 * 60,
    ) {
        let times = Times {
            minutes: MINUTES_FIELD.parse(&minutes).unwrap(),
            hours: HOURS_FIELD.parse(&hours).unwrap(),
            months: MONTHS_FIELD.parse(&months).unwrap(),
            is_day: |date: jiff::civil::Date| date.day() % every == 0,
        };
        let is_time = |time: &DateTime| {
            let is_day = times.months.has(time.month() as u32) && time.day() % every == 0;
            times.minutes.has(time.minute() as u32) && times.hours.has(time.hour() as u32) && is_day
        };
        let start = date(2024, 2, 26).at(0, 0, 0, 0);
        let at = start + jiff::Span::new().seconds(at);
        let minute = at.date().at(at.hour(), at.minute(), 0, 0);
        let minutes = |by: i64| (0..9 * 1440).map(move |n| minute + jiff::Span::new().minutes(by * n));
        prop_assert_eq!(times.first_from(at, 8), minutes(1).find(|time| *time >= at && is_time(time)));
        prop_assert_eq!(times.last_to(at, 8), minutes(-1).find(is_time));
    }
}
