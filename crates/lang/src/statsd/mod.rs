//! StatsD's lines, as the CloudWatch agent takes them ("Retrieve custom metrics with StatsD"): counters, gauges, sets, timings and
//! histograms, with DogStatsD's tags and those that InfluxDB's clients put in the name.
//!
//! ```text
//! packet  = line *( LF line )
//! line    = bucket *( ":" sample ) *( "|" "#" tags )      ; at least one sample
//! sample  = value "|" type [ "|" "@" rate ]
//! bucket  = name *( "," key "=" value )
//! tags    = tag *( "," tag )      tag = key [ ":" value ]
//! ```

#[cfg(test)]
mod tests;

/// Limits of what is read.
pub mod limits {
    /// Bytes of a packet: what UDP carries at most.
    pub const PACKET_BYTES_MAX: usize = 65_536;

    /// Samples of one line.
    pub const SAMPLES_MAX: usize = 1_000;

    /// Tags of a line: CloudWatch's 30 dimensions without those that the agent adds (`metric_type`, `host`).
    pub const TAGS_MAX: usize = 28;

    /// Characters of a metric's name, and of a tag's.
    pub const NAME_CHARS_MAX: usize = 255;

    /// Characters of a tag's value.
    pub const VALUE_CHARS_MAX: usize = 1_024;
}

/// A line.
#[derive(Debug, Clone, PartialEq)]
pub struct Line<'a> {
    /// The metric's name as it came, with its dots.
    pub name: &'a str,
    /// Names and values of its tags, by name.
    pub tags: Vec<(&'a str, &'a str)>,
    /// Its samples, at least one.
    pub samples: Vec<Sample<'a>>,
}

/// What a sample does to its metric.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Sample<'a> {
    /// So many more: whole, and already for all of those of which it is one.
    Counter(f64),
    /// It is this now.
    Gauge(f64),
    /// It is so much more, or less, than it was.
    GaugeChange(f64),
    /// This one was there.
    Set(&'a str),
    /// It took so long, for so many as this is one of.
    Timing {
        /// Milliseconds, by custom.
        value: f64,
        /// How many.
        weight: f64,
    },
    /// It was this, for so many as this is one of.
    Histogram {
        /// The value.
        value: f64,
        /// How many.
        weight: f64,
    },
}

/// Why a line is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Rejected {
    /// It has no name, or one that no metric may have.
    #[error("the name is empty, too long, or holds characters that no metric's may")]
    Name,
    /// It has no sample, or too many.
    #[error("there is no sample, or too many")]
    Samples,
    /// A sample is not `value|type`.
    #[error("a sample is not a value and a type")]
    Sample,
    /// A sample has a type that is not known.
    #[error("the type is none of c, g, s, ms and h")]
    Type,
    /// A sample's value does not fit its type.
    #[error("the value does not fit the type")]
    Value,
    /// A rate is not above 0 and at most 1.
    #[error("the rate is not between 0 and 1")]
    Rate,
    /// There are too many tags, one twice, or one that no dimension may be.
    #[error("a tag cannot be a dimension, or there are too many")]
    Tags,
    /// The packet is not UTF-8.
    #[error("it is not UTF-8")]
    Encoding,
}

/// The value of a tag that has none.
const NO_VALUE: &str = "<empty>";

/// The lines of a packet, each for itself; blank ones are passed over.
pub fn lines(packet: &[u8]) -> impl Iterator<Item = Result<Line<'_>, Rejected>> {
    let lines = packet.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).filter(|line| !line.is_empty());
    lines.map(|line| Line::parse(std::str::from_utf8(line).map_err(|_| Rejected::Encoding)?))
}

impl<'a> Line<'a> {
    /// Reads a line.
    ///
    /// # Errors
    /// [`Rejected`], with all the line's samples.
    pub fn parse(line: &'a str) -> Result<Line<'a>, Rejected> {
        // Tags may hold colons, and may stand before the rate: they are cut out first.
        let mut tags = Vec::new();
        let mut pieces: Vec<&'a str> = Vec::new();
        for piece in line.split('|').map(str::trim) {
            match piece.strip_prefix('#') {
                Some(section) => tags.extend(section.split(',').filter(|tag| !tag.is_empty()).map(tag)),
                None => pieces.push(piece),
            }
        }
        let mut pieces = pieces.into_iter();
        let (bucket, first) = pieces.next().and_then(|piece| piece.split_once(':')).ok_or(Rejected::Samples)?;
        let (name, in_name) = bucket.split_once(',').unwrap_or((bucket, ""));
        for pair in in_name.split(',').filter(|pair| !pair.is_empty()) {
            tags.push(pair.split_once('=').ok_or(Rejected::Tags)?);
        }
        if !is_text(name, limits::NAME_CHARS_MAX) {
            return Err(Rejected::Name);
        }
        check_tags(&mut tags)?;
        Ok(Line { name, tags, samples: samples(first, pieces)? })
    }
}

/// The samples: `first` is the value of the first, and each further one begins after a colon in some later piece.
fn samples<'a>(first: &'a str, pieces: impl Iterator<Item = &'a str>) -> Result<Vec<Sample<'a>>, Rejected> {
    let mut samples = Vec::new();
    let mut current = Raw { value: first, kind: None, rate: None };
    for piece in pieces {
        // `1|c:2|c` is two samples: type or rate ends at the colon, where the next value begins.
        let (piece, next) = match piece.split_once(':') {
            Some((piece, next)) => (piece, Some(next)),
            None => (piece, None),
        };
        current.add(piece)?;
        if let Some(next) = next {
            samples.push(current.sample()?);
            if samples.len() >= limits::SAMPLES_MAX {
                return Err(Rejected::Samples);
            }
            current = Raw { value: next, kind: None, rate: None };
        }
    }
    samples.push(current.sample()?);
    Ok(samples)
}

/// A sample as it stands there.
struct Raw<'a> {
    value: &'a str,
    kind: Option<&'a str>,
    rate: Option<f64>,
}

impl<'a> Raw<'a> {
    fn add(&mut self, piece: &'a str) -> Result<(), Rejected> {
        match (self.kind, self.rate, piece.strip_prefix('@')) {
            (None, _, None) => self.kind = Some(piece),
            (Some(_), None, Some(rate)) => {
                let rate: f64 = rate.parse().map_err(|_| Rejected::Rate)?;
                // Written so that what is no number is none.
                let is_rate = rate > 0.0 && rate <= 1.0;
                self.rate = Some(is_rate.then_some(rate).ok_or(Rejected::Rate)?);
            }
            _ => return Err(Rejected::Sample),
        }
        Ok(())
    }

    fn sample(&self) -> Result<Sample<'a>, Rejected> {
        let kind = self.kind.ok_or(Rejected::Sample)?;
        let rate = self.rate.unwrap_or(1.0);
        let is_signed = self.value.starts_with(['+', '-']);
        let number = || {
            let number: f64 = self.value.parse().map_err(|_| Rejected::Value)?;
            if number.is_finite() { Ok(number) } else { Err(Rejected::Value) }
        };
        let unsigned = || if is_signed { Err(Rejected::Value) } else { number() };
        match kind {
            "c" => {
                let count = (unsigned()?.trunc() / rate).trunc();
                if count.is_finite() { Ok(Sample::Counter(count)) } else { Err(Rejected::Value) }
            }
            "g" if is_signed => number().map(Sample::GaugeChange),
            "g" => number().map(Sample::Gauge),
            "s" if self.value.is_empty() => Err(Rejected::Value),
            "s" => Ok(Sample::Set(self.value)),
            "ms" => Ok(Sample::Timing { value: unsigned()?, weight: weight(rate)? }),
            "h" => Ok(Sample::Histogram { value: unsigned()?, weight: weight(rate)? }),
            _ => Err(Rejected::Type),
        }
    }
}

fn weight(rate: f64) -> Result<f64, Rejected> {
    let weight = 1.0 / rate;
    if weight.is_finite() { Ok(weight) } else { Err(Rejected::Rate) }
}

fn tag(tag: &str) -> (&str, &str) {
    let (key, value) = tag.split_once(':').unwrap_or((tag, ""));
    (key, if value.is_empty() { NO_VALUE } else { value })
}

/// Puts tags in the order of their names, and checks that they can be dimensions.
fn check_tags(tags: &mut [(&str, &str)]) -> Result<(), Rejected> {
    tags.sort_unstable();
    let twice = tags.iter().zip(tags.iter().skip(1)).any(|((one, _), (next, _))| one == next);
    let fit = tags.iter().all(|(key, value)| {
        is_text(key, limits::NAME_CHARS_MAX)
            && !key.starts_with(':')
            && !matches!(*key, "metric_type" | "host")
            && is_text(value, limits::VALUE_CHARS_MAX)
    });
    if twice || !fit || tags.len() > limits::TAGS_MAX { Err(Rejected::Tags) } else { Ok(()) }
}

/// Whether CloudWatch takes this as a name or value.
fn is_text(text: &str, chars_max: usize) -> bool {
    let plain = |byte: u8| (b' '..0x7f).contains(&byte);
    !text.trim().is_empty() && text.len() <= chars_max && text.bytes().all(plain)
}
