//! The members of an object.

use super::Json;

/// The members of a JSON object, ordered by the UTF-8 bytes of their names.
///
/// A sorted slice, since a tree costs half a kilobyte for an object of one member, and whoever
/// writes a role file decides how many of those there are.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Object(Box<[(Box<str>, Json)]>);

impl Object {
    /// The object with these members, in whatever order.
    ///
    /// # Errors
    ///
    /// The name of a member that is there twice.
    pub fn new(mut members: Vec<(Box<str>, Json)>) -> Result<Self, Box<str>> {
        members.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        let twice = members.array_windows().find(|[(a, _), (b, _)]| a == b);
        match twice {
            Some([(name, _), _]) => Err(name.clone()),
            None => Ok(Self(members.into())),
        }
    }

    /// The value of a member.
    pub fn get(&self, name: &str) -> Option<&Json> {
        let at = self.position(name)?;
        self.0.get(at).map(|(_, value)| value)
    }

    /// Takes a member's value out; `null` where there is none.
    pub fn into_member(mut self, name: &str) -> Json {
        let at = self.position(name);
        let value = at.and_then(|at| self.0.get_mut(at)).map(|(_, value)| value);
        value.map_or(Json::Null, |value| std::mem::replace(value, Json::Null))
    }

    /// The members in their order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Json)> {
        self.0.iter().map(|(name, value)| (&**name, value))
    }

    fn position(&self, name: &str) -> Option<usize> {
        self.0
            .binary_search_by(|(known, _)| (**known).cmp(name))
            .ok()
    }
}
