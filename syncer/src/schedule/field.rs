//! One field of a schedule.

use std::collections::BTreeSet;
use std::fmt;

use super::ScheduleError;

/// What a field can hold.
#[derive(Debug)]
pub(super) struct Kind {
    name: &'static str,
    least: u32,
    most: u32,
    /// Names of the values from the least, in English, three letters each.
    names: &'static [&'static str],
}

/// The values that a field names.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Field {
    values: BTreeSet<u32>,
    kind: &'static Kind,
    /// How crontab(5) tells whether a day field is restricted.
    pub(super) starts_with_star: bool,
}

impl Field {
    /// Reads a list of `*`, values and ranges, each with a step if need be.
    pub(super) fn parse(kind: &'static Kind, text: &str) -> Result<Self, ScheduleError> {
        let mut values = BTreeSet::new();
        for element in text.split(',') {
            kind.parse_element(element, &mut values)?;
        }
        // Sunday is 0 and 7.
        if std::ptr::eq(kind, &raw const WEEKDAY) && values.remove(&7) {
            values.insert(0);
        }
        Ok(Self {
            values,
            kind,
            starts_with_star: text.starts_with('*'),
        })
    }

    fn is_everything(&self) -> bool {
        let all = self.kind.most - self.kind.least + 1;
        let all = if self.kind.most == 7 { all - 1 } else { all };
        u32::try_from(self.values.len()).is_ok_and(|count| count == all)
    }
}

/// Writes the field as the `cron` crate reads it: it counts weekdays from Sunday = 1, so they are
/// written by name.
impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_everything() {
            return f.write_str("*");
        }
        for (at, value) in self.values.iter().enumerate() {
            let comma = if at == 0 { "" } else { "," };
            let offset = usize::try_from(value - self.kind.least).unwrap_or(usize::MAX);
            match self.kind.names.get(offset) {
                Some(name) => write!(f, "{comma}{name}")?,
                None => write!(f, "{comma}{value}")?,
            }
        }
        Ok(())
    }
}

impl PartialEq for Kind {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Kind {}

impl Kind {
    fn parse_element(
        &self,
        element: &str,
        values: &mut BTreeSet<u32>,
    ) -> Result<(), ScheduleError> {
        let bad_step = || ScheduleError::Step {
            field: self.name,
            step: element.chars().take(32).collect(),
        };
        let (range, step) = match element.split_once('/') {
            None => (element, None),
            Some((range, step)) => {
                let step = digits(step).filter(|step| *step > 0);
                (range, Some(step.ok_or_else(bad_step)?))
            }
        };
        let (first, last) = match range.split_once('-') {
            _ if range == "*" => (self.least, self.most),
            Some((first, last)) => (self.value(first)?, self.value(last)?),
            // Cron implementations do not agree on a step after a single value.
            None if step.is_some() => return Err(bad_step()),
            None => (self.value(range)?, self.value(range)?),
        };
        if first > last {
            return Err(ScheduleError::Backwards {
                field: self.name,
                range: range.chars().take(32).collect(),
            });
        }
        let step = usize::try_from(step.unwrap_or(1)).unwrap_or(usize::MAX);
        values.extend((first..=last).step_by(step));
        Ok(())
    }

    fn value(&self, text: &str) -> Result<u32, ScheduleError> {
        let named = || {
            let at = self
                .names
                .iter()
                .position(|name| name.eq_ignore_ascii_case(text))?;
            u32::try_from(at).ok().map(|at| self.least + at)
        };
        digits(text)
            .or_else(named)
            .filter(|value| (self.least..=self.most).contains(value))
            .ok_or_else(|| ScheduleError::Value {
                field: self.name,
                value: text.chars().take(32).collect(),
                least: self.least,
                most: self.most,
            })
    }
}

/// Reads digits alone: no sign.
fn digits(text: &str) -> Option<u32> {
    text.parse()
        .ok()
        .filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()))
}

pub(super) static MINUTE: Kind = Kind {
    name: "minute",
    least: 0,
    most: 59,
    names: &[],
};
pub(super) static HOUR: Kind = Kind {
    name: "hour",
    least: 0,
    most: 23,
    names: &[],
};
pub(super) static DAY: Kind = Kind {
    name: "day of month",
    least: 1,
    most: 31,
    names: &[],
};
pub(super) static MONTH: Kind = Kind {
    name: "month",
    least: 1,
    most: 12,
    names: &[
        "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC",
    ],
};
/// 7 is Sunday once more, without a name of its own.
pub(super) static WEEKDAY: Kind = Kind {
    name: "day of week",
    least: 0,
    most: 7,
    names: &["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"],
};
