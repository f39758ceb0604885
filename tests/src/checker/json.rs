//! JSON as role files may use it, and its canonical form, read and written one character at a time.

/// A value; members keep the order in which they stand.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Value {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// An integer from -2^53 to 2^53.
    Int(i64),
    /// A string, escapes undone.
    Text(String),
    /// An array.
    List(Vec<Self>),
    /// An object, no name twice.
    Members(Vec<(String, Self)>),
}

impl Value {
    /// Reads one document; `None` for whatever two readers could understand in two ways.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let text: Vec<char> = std::str::from_utf8(bytes).ok()?.chars().collect();
        let mut reader = Reader { text: &text, at: 0 };
        let value = reader.value(MAX_DEPTH)?;
        reader.blanks();
        (reader.at == text.len()).then_some(value)
    }

    /// The canonical form: members in the order of their UTF-8 bytes, no blanks, and a backslash
    /// before `"` and `\` alone.
    pub fn canonical(&self) -> String {
        let list = |parts: Vec<String>| parts.join(",");
        match self {
            Self::Null => "null".to_owned(),
            Self::Bool(value) => value.to_string(),
            Self::Int(number) => number.to_string(),
            Self::Text(text) => quote(text),
            Self::List(items) => format!("[{}]", list(items.iter().map(Self::canonical).collect())),
            Self::Members(members) => {
                let mut members: Vec<_> = members.iter().collect();
                members.sort_by(|a, b| a.0.as_bytes().cmp(b.0.as_bytes()));
                let member =
                    |(name, value): &(String, Self)| quote(name) + ":" + &value.canonical();
                format!("{{{}}}", list(members.into_iter().map(member).collect()))
            }
        }
    }

    /// The member `name` of an object, unless it is `null`.
    pub fn get(&self, name: &str) -> Option<&Self> {
        let found = self.members()?.iter().find(|(member, _)| member == name)?;
        Some(&found.1).filter(|value| **value != Self::Null)
    }

    /// The members of an object.
    pub fn members(&self) -> Option<&[(String, Self)]> {
        match self {
            Self::Members(members) => Some(members),
            Self::Null | Self::Bool(_) | Self::Int(_) | Self::Text(_) | Self::List(_) => None,
        }
    }

    /// The items of an array.
    pub fn items(&self) -> Option<&[Self]> {
        match self {
            Self::List(items) => Some(items),
            Self::Null | Self::Bool(_) | Self::Int(_) | Self::Text(_) | Self::Members(_) => None,
        }
    }

    /// The text of a string.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Null | Self::Bool(_) | Self::Int(_) | Self::List(_) | Self::Members(_) => None,
        }
    }

    /// An integer from 0.
    pub fn natural(&self) -> Option<u64> {
        match self {
            Self::Int(number) => u64::try_from(*number).ok(),
            Self::Null | Self::Bool(_) | Self::Text(_) | Self::List(_) | Self::Members(_) => None,
        }
    }
}

fn quote(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

struct Reader<'a> {
    text: &'a [char],
    at: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<char> {
        self.text.get(self.at).copied()
    }

    fn next(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.at += 1;
        Some(next)
    }

    fn take(&mut self, expected: char) -> Option<()> {
        (self.next()? == expected).then_some(())
    }

    fn blanks(&mut self) {
        while self.peek().is_some_and(|c| " \t\r\n".contains(c)) {
            self.at += 1;
        }
    }

    fn word(&mut self, word: &str, value: Value) -> Option<Value> {
        word.chars().try_for_each(|expected| self.take(expected))?;
        Some(value)
    }

    fn value(&mut self, depth: usize) -> Option<Value> {
        self.blanks();
        match self.peek()? {
            'n' => self.word("null", Value::Null),
            't' => self.word("true", Value::Bool(true)),
            'f' => self.word("false", Value::Bool(false)),
            '"' => self.string().map(Value::Text),
            '[' => self.list(depth.checked_sub(1)?),
            '{' => self.object(depth.checked_sub(1)?),
            _ => self.integer(),
        }
    }

    fn list(&mut self, depth: usize) -> Option<Value> {
        let mut items = Vec::new();
        self.separated('[', ']', |reader| {
            items.push(reader.value(depth)?);
            Some(())
        })?;
        Some(Value::List(items))
    }

    fn object(&mut self, depth: usize) -> Option<Value> {
        let mut members: Vec<(String, Value)> = Vec::new();
        self.separated('{', '}', |reader| {
            let name = reader.string()?;
            reader.blanks();
            reader.take(':')?;
            members.push((name, reader.value(depth)?));
            Some(())
        })?;
        let mut names: Vec<&str> = members.iter().map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        let twice = names.windows(2).any(|pair| pair.first() == pair.last());
        (!twice).then_some(Value::Members(members))
    }

    fn separated(
        &mut self,
        open: char,
        close: char,
        mut item: impl FnMut(&mut Self) -> Option<()>,
    ) -> Option<()> {
        self.take(open)?;
        self.blanks();
        if self.peek()? == close {
            return self.take(close);
        }
        loop {
            self.blanks();
            item(self)?;
            self.blanks();
            match self.next()? {
                ',' => {}
                other => return (other == close).then_some(()),
            }
        }
    }

    fn integer(&mut self) -> Option<Value> {
        let start = self.at;
        if self.peek()? == '-' {
            self.at += 1;
        }
        let digits = self.at;
        while self.peek().is_some_and(|c| c.is_ascii_digit()) {
            self.at += 1;
        }
        // A fraction or exponent makes it something else than an integer to some readers.
        if self.peek().is_some_and(|c| ".eE".contains(c)) {
            return None;
        }
        let text: String = self.text.get(start..self.at)?.iter().collect();
        let leading_zero = self.text.get(digits) == Some(&'0') && self.at - digits > 1;
        let number: i64 = text.parse().ok()?;
        let fits = number.unsigned_abs() <= 1 << 53 && !leading_zero && text != "-0";
        fits.then_some(Value::Int(number))
    }

    fn string(&mut self) -> Option<String> {
        self.take('"')?;
        let mut text = String::new();
        loop {
            match self.next()? {
                '"' => return Some(text),
                '\\' => text.push(self.escape()?),
                control if control < ' ' => return None,
                plain => text.push(plain),
            }
        }
    }

    fn escape(&mut self) -> Option<char> {
        Some(match self.next()? {
            same @ ('"' | '\\' | '/') => same,
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => {
                let first = self.unit()?;
                if !(0xd800..0xe000).contains(&first) {
                    return char::from_u32(first);
                }
                self.take('\\')?;
                self.take('u')?;
                let second = self.unit()?;
                let pair = (0xd800..0xdc00).contains(&first) && (0xdc00..0xe000).contains(&second);
                let code = 0x1_0000 + ((first & 0x3ff) << 10) + (second & 0x3ff);
                return char::from_u32(code).filter(|_| pair);
            }
            _ => return None,
        })
    }

    fn unit(&mut self) -> Option<u32> {
        (0..4).try_fold(0, |unit, _| Some(unit * 16 + self.next()?.to_digit(16)?))
    }
}

const MAX_DEPTH: usize = 64;
