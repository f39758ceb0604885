//! When to sync: five fields, as in a crontab, in UTC.

mod field;

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use vouchsafe_trust::Timestamp;

use self::field::{DAY, Field, HOUR, MINUTE, MONTH, WEEKDAY};

/// A schedule of five fields (minute, hour, day of month, month, day of week), in UTC.
///
/// Read as crontab(5) reads them: lists, ranges and steps, names of months and days, Sunday as 0
/// or 7. Where both day fields are restricted (neither starts with `*`), either may match.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Schedule {
    text: String,
    /// One for each way in which a day can match.
    alternatives: Vec<cron::Schedule>,
}

impl Schedule {
    /// The first moment after `now`; `None` once the calendar that is known has ended.
    pub fn next_after(&self, now: Timestamp) -> Option<Timestamp> {
        let now = DateTime::<Utc>::from_timestamp(now.as_second(), 0)?;
        self.alternatives
            .iter()
            .filter_map(|schedule| schedule.after(&now).next())
            .min()
            .and_then(|next| Timestamp::from_second(next.timestamp()).ok())
    }
}

impl FromStr for Schedule {
    type Err = ScheduleError;

    fn from_str(text: &str) -> Result<Self, ScheduleError> {
        let words: Vec<&str> = text.split_ascii_whitespace().collect();
        let [minute, hour, day, month, weekday] = words.as_slice() else {
            return Err(ScheduleError::FieldCount { found: words.len() });
        };
        let minute = Field::parse(&MINUTE, minute)?;
        let hour = Field::parse(&HOUR, hour)?;
        let day = Field::parse(&DAY, day)?;
        let month = Field::parse(&MONTH, month)?;
        let weekday = Field::parse(&WEEKDAY, weekday)?;

        let line = |day: &str, weekday: &str| format!("0 {minute} {hour} {day} {month} {weekday}");
        let lines = if day.starts_with_star || weekday.starts_with_star {
            vec![line(&day.to_string(), &weekday.to_string())]
        } else {
            vec![line(&day.to_string(), "*"), line("*", &weekday.to_string())]
        };
        let alternatives = lines
            .iter()
            .map(|line| line.parse())
            .collect::<Result<_, cron::error::Error>>()
            .map_err(|error| ScheduleError::Calendar {
                reason: error.to_string(),
            })?;
        let schedule = Self {
            text: words.join(" "),
            alternatives,
        };
        // Every schedule that ever fires does so within eight years: 29 February, around 2100.
        match schedule.next_after(Timestamp::UNIX_EPOCH) {
            Some(_) => Ok(schedule),
            None => Err(ScheduleError::Never),
        }
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Why a text is no schedule.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ScheduleError {
    /// A range that ends before it begins.
    #[error("the range `{range}` of the {field} runs backwards")]
    Backwards {
        /// The field.
        field: &'static str,
        /// The range as written.
        range: String,
    },
    /// The fields are fine, and still they make no schedule.
    #[error("not a schedule: {reason}")]
    Calendar {
        /// Why.
        reason: String,
    },
    /// Too few or too many fields.
    #[error(
        "{found} fields instead of five: minute, hour, day of month, month, day of week, \
         such as `*/5 * * * *`"
    )]
    FieldCount {
        /// How many there are.
        found: usize,
    },
    /// It has no date, such as 31 February.
    #[error("it never comes: no month that it names has such a day")]
    Never,
    /// A step of zero, or one without a range before it.
    #[error("`{step}` is not a step of the {field}; write `*/5` or `0-30/5`")]
    Step {
        /// The field.
        field: &'static str,
        /// The element as written.
        step: String,
    },
    /// A value that the field does not have.
    #[error("`{value}` is no {field}; those are from {least} to {most}")]
    Value {
        /// The field.
        field: &'static str,
        /// The value as written.
        value: String,
        /// The field's least value.
        least: u32,
        /// The field's greatest value.
        most: u32,
    },
}

#[cfg(test)]
mod tests;
