//! What functions for scripts can take.

use std::collections::BTreeMap;

use crate::call::Kind;
use crate::{Call, Error, Object, Result, Shape};

/// A type that an argument of a script can become.
///
/// Numbers are checked for their range, texts for UTF-8. `&str` and `&[u8]` are not copied: they are lent until the
/// function returns.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be an argument of a function for scripts",
    label = "scripts cannot give this",
    note = "arguments are bool, i8 to i64, u8 to u32, f32, f64, &str, String, &[u8], Vec<u8> (bytes), Vec<T>, BTreeMap<K, V>, Option<T>, \
            Value, structs with #[derive(Fields)], and & or &mut of types with #[object]"
)]
pub trait Argument<'c>: Sized {
    /// How a script sees it.
    const SHAPE: Shape;
    /// As above, of a `Vec` of these.
    const LIST: Shape = Shape::List(&Self::SHAPE);
    /// Whether it may point to what the script gave.
    const LENT: bool = false;

    /// Reads argument `n`.
    ///
    /// # Errors
    /// When it is something else.
    fn take(call: &Call<'c>, n: u32) -> Result<Self>;

    /// Reads argument `n` as a list of these.
    ///
    /// # Errors
    /// When it is something else.
    fn take_list(call: &Call<'c>, n: u32) -> Result<Vec<Self>> {
        // What a length promises is not allocated before it has come.
        (1..=call.length(n)?).map(|item| call.item(n, item)).collect()
    }
}

macro_rules! integers {
    ($($rust:ty, $expected:literal;)*) => {
        $(impl<'c> Argument<'c> for $rust {
            const SHAPE: Shape = Shape::Word("integer");

            fn take(call: &Call<'c>, n: u32) -> Result<Self> {
                <$rust>::try_from(call.integer(n)?).map_err(|_| call.misfit(n, $expected))
            }
        })*
    };
}

integers! {
    i8, "an integer from -128 to 127";
    i16, "an integer from -32768 to 32767";
    i32, "an integer from -2147483648 to 2147483647";
    u16, "an integer from 0 to 65535";
    u32, "an integer from 0 to 4294967295";
}

impl<'c> Argument<'c> for i64 {
    const SHAPE: Shape = Shape::Word("integer");

    #[inline]
    fn take(call: &Call<'c>, n: u32) -> Result<Self> {
        call.integer(n)
    }
}

/// A list of these is bytes.
impl<'c> Argument<'c> for u8 {
    const SHAPE: Shape = Shape::Word("integer");
    const LIST: Shape = Shape::Word("bytes");

    fn take(call: &Call<'c>, n: u32) -> Result<Self> {
        u8::try_from(call.integer(n)?).map_err(|_| call.misfit(n, "an integer from 0 to 255"))
    }

    fn take_list(call: &Call<'c>, n: u32) -> Result<Vec<Self>> {
        call.bytes(n).map(<[u8]>::to_vec)
    }
}

impl<'c> Argument<'c> for bool {
    const SHAPE: Shape = Shape::Word("boolean");

    fn take(call: &Call<'c>, n: u32) -> Result<Self> {
        call.boolean(n)
    }
}

impl<'c> Argument<'c> for f64 {
    const SHAPE: Shape = Shape::Word("number");

    fn take(call: &Call<'c>, n: u32) -> Result<Self> {
        call.number(n)
    }
}

impl<'c> Argument<'c> for f32 {
    const SHAPE: Shape = Shape::Word("number");

    fn take(call: &Call<'c>, n: u32) -> Result<Self> {
        call.number(n).map(|number| number as f32)
    }
}

impl<'c> Argument<'c> for &'c [u8] {
    const SHAPE: Shape = Shape::Word("bytes");
    const LENT: bool = true;

    #[inline]
    fn take(call: &Call<'c>, n: u32) -> Result<Self> {
        call.bytes(n)
    }
}

impl<'c> Argument<'c> for &'c str {
    const SHAPE: Shape = Shape::Word("string");
    const LENT: bool = true;

    fn take(call: &Call<'c>, n: u32) -> Result<Self> {
        std::str::from_utf8(call.bytes(n)?).map_err(|_| call.misfit(n, "text in UTF-8"))
    }
}

impl<'c> Argument<'c> for String {
    const SHAPE: Shape = Shape::Word("string");

    fn take(call: &Call<'c>, n: u32) -> Result<Self> {
        <&str>::take(call, n).map(str::to_owned)
    }
}

impl<'c, T: Argument<'c>> Argument<'c> for Option<T> {
    const SHAPE: Shape = Shape::Optional(&T::SHAPE);
    const LIST: Shape = Shape::holes();
    const LENT: bool = T::LENT;

    fn take(call: &Call<'c>, n: u32) -> Result<Self> {
        match call.kind(n) {
            Kind::None | Kind::Nil => Ok(None),
            _ => T::take(call, n).map(Some),
        }
    }
}

impl<'c, T: Argument<'c>> Argument<'c> for Vec<T> {
    const SHAPE: Shape = T::LIST;
    const LENT: bool = T::LENT;

    fn take(call: &Call<'c>, n: u32) -> Result<Self> {
        T::take_list(call, n)
    }
}

/// Keys and values own what they hold: the parts of the walk over a table are not there for longer than its steps.
impl<'c, K: Argument<'c> + Ord, V: Argument<'c>> Argument<'c> for BTreeMap<K, V> {
    const SHAPE: Shape = Shape::Map(&K::SHAPE, &V::SHAPE);

    fn take(call: &Call<'c>, n: u32) -> Result<Self> {
        const {
            assert!(
                !K::LENT && !V::LENT,
                "a map of arguments owns what it holds: take String instead of &str"
            )
        };
        let mut map = BTreeMap::new();
        call.pairs(n, |key, value| {
            map.insert(K::take(call, key)?, V::take(call, value)?);
            Ok(())
        })?;
        Ok(map)
    }
}

impl<'c, T: Object> Argument<'c> for &'c T {
    const SHAPE: Shape = Shape::Word(T::NAME);
    const LENT: bool = true;

    fn take(call: &Call<'c>, n: u32) -> Result<Self> {
        let data = call.object::<T>(n, false)?;
        // SAFETY: the host lends the data of an object of this class until the function returns, to this call only, and
        // `Call::object` saw that nothing else in this call changes it.
        Ok(unsafe { data.as_ref() })
    }
}

impl<'c, T: Object> Argument<'c> for &'c mut T {
    const SHAPE: Shape = Shape::Word(T::NAME);
    const LENT: bool = true;

    fn take(call: &Call<'c>, n: u32) -> Result<Self> {
        let mut data = call.object::<T>(n, true)?;
        // SAFETY: the host lends the data of an object of this class until the function returns, to this call only, and
        // `Call::object` saw that nothing else in this call uses it.
        Ok(unsafe { data.as_mut() })
    }
}

/// Reads argument `n`; the type comes from where it goes.
///
/// # Errors
/// When it is something else.
#[inline]
pub fn argument<'c, T: Argument<'c>>(call: &Call<'c>, n: u32) -> Result<T, Error> {
    T::take(call, n)
}
