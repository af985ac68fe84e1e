//! What functions for scripts can give.

use std::collections::BTreeMap;

use crate::{Call, Error, Object, Result, Shape};

/// A type that scripts can get.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be given to a script",
    label = "scripts cannot get this",
    note = "results are (), bool, i8 to i64, u8 to u32, f32, f64, &str, String, &[u8], Vec<u8> (bytes), Vec<T>, BTreeMap<K, V>, \
            Option<T>, Value, structs with #[derive(Fields)], types with #[object], tuples of these, and Result of any of them"
)]
pub trait Returned: Sized {
    /// How a script sees it.
    const SHAPE: Shape;
    /// As above, of a `Vec` of these.
    const LIST: Shape = Shape::List(&Self::SHAPE);

    /// Adds it to the results of a call.
    ///
    /// # Errors
    /// When the host cannot take it.
    fn put(self, call: &mut Call<'_>) -> Result<()>;

    /// Adds a list of these.
    ///
    /// # Errors
    /// When the host cannot take it.
    fn put_list(list: Vec<Self>, call: &mut Call<'_>) -> Result<()> {
        call.put_table(list.len(), 0)?;
        list.into_iter().try_for_each(|item| call.put_item(item))
    }
}

/// What a function returns as a whole: nothing, one result, several, or an error instead.
#[diagnostic::on_unimplemented(
    message = "a function for scripts cannot return `{Self}`",
    label = "scripts cannot get this",
    note = "results are (), bool, i8 to i64, u8 to u32, f32, f64, &str, String, &[u8], Vec<u8> (bytes), Vec<T>, BTreeMap<K, V>, \
            Option<T>, Value, structs with #[derive(Fields)], types with #[object], tuples of these, and Result of any of them"
)]
pub trait Results {
    /// How a script sees them.
    const SHAPES: &'static [&'static Shape];

    /// Adds them to the results of a call.
    ///
    /// # Errors
    /// The function's own, or that the host cannot take them.
    fn put_all(self, call: &mut Call<'_>) -> Result<()>;
}

impl<T: Returned> Results for T {
    const SHAPES: &'static [&'static Shape] = &[&T::SHAPE];

    #[inline]
    fn put_all(self, call: &mut Call<'_>) -> Result<()> {
        self.put(call)
    }
}

impl<T: Results, E: Into<Error>> Results for Result<T, E> {
    const SHAPES: &'static [&'static Shape] = T::SHAPES;

    #[inline]
    fn put_all(self, call: &mut Call<'_>) -> Result<()> {
        self.map_err(Into::into)?.put_all(call)
    }
}

macro_rules! tuples {
    ($(($($name:ident)*))*) => {
        $(impl<$($name: Returned),*> Results for ($($name,)*) {
            const SHAPES: &'static [&'static Shape] = &[$(&$name::SHAPE),*];

            #[allow(non_snake_case, unused_variables)] // the parameters of types name the values; () has none
            fn put_all(self, call: &mut Call<'_>) -> Result<()> {
                let ($($name,)*) = self;
                $($name.put(call)?;)*
                Ok(())
            }
        })*
    };
}

tuples! {
    ()
    (A)
    (A B)
    (A B C)
    (A B C D)
    (A B C D E)
    (A B C D E F)
}

macro_rules! integers {
    ($($rust:ty)*) => {
        $(impl Returned for $rust {
            const SHAPE: Shape = Shape::Word("integer");

            #[inline]
            fn put(self, call: &mut Call<'_>) -> Result<()> {
                call.put_integer(self.into())
            }
        })*
    };
}

integers! { i8 i16 i32 i64 u16 u32 }

/// A list of these is bytes.
impl Returned for u8 {
    const SHAPE: Shape = Shape::Word("integer");
    const LIST: Shape = Shape::Word("bytes");

    fn put(self, call: &mut Call<'_>) -> Result<()> {
        call.put_integer(self.into())
    }

    fn put_list(list: Vec<Self>, call: &mut Call<'_>) -> Result<()> {
        call.put_bytes(&list)
    }
}

impl Returned for bool {
    const SHAPE: Shape = Shape::Word("boolean");

    fn put(self, call: &mut Call<'_>) -> Result<()> {
        call.put_boolean(self)
    }
}

macro_rules! floats {
    ($($rust:ty)*) => {
        $(impl Returned for $rust {
            const SHAPE: Shape = Shape::Word("number");

            fn put(self, call: &mut Call<'_>) -> Result<()> {
                call.put_number(self.into())
            }
        })*
    };
}

floats! { f32 f64 }

impl Returned for &[u8] {
    const SHAPE: Shape = Shape::Word("bytes");

    fn put(self, call: &mut Call<'_>) -> Result<()> {
        call.put_bytes(self)
    }
}

impl<const N: usize> Returned for [u8; N] {
    const SHAPE: Shape = Shape::Word("bytes");

    fn put(self, call: &mut Call<'_>) -> Result<()> {
        call.put_bytes(&self)
    }
}

impl Returned for &str {
    const SHAPE: Shape = Shape::Word("string");

    fn put(self, call: &mut Call<'_>) -> Result<()> {
        call.put_bytes(self.as_bytes())
    }
}

impl Returned for String {
    const SHAPE: Shape = Shape::Word("string");

    fn put(self, call: &mut Call<'_>) -> Result<()> {
        call.put_bytes(self.as_bytes())
    }
}

impl<T: Returned> Returned for Option<T> {
    const SHAPE: Shape = Shape::Optional(&T::SHAPE);
    const LIST: Shape = Shape::holes();

    fn put(self, call: &mut Call<'_>) -> Result<()> {
        match self {
            Some(value) => value.put(call),
            None => call.put_nil(),
        }
    }
}

impl<T: Returned> Returned for Vec<T> {
    const SHAPE: Shape = T::LIST;

    fn put(self, call: &mut Call<'_>) -> Result<()> {
        T::put_list(self, call)
    }
}

impl<K: Returned, V: Returned> Returned for BTreeMap<K, V> {
    const SHAPE: Shape = Shape::Map(&K::SHAPE, &V::SHAPE);

    fn put(self, call: &mut Call<'_>) -> Result<()> {
        call.put_table(0, self.len())?;
        self.into_iter()
            .try_for_each(|(key, value)| call.put_pair(key, value))
    }
}

impl<T: Object> Returned for T {
    const SHAPE: Shape = Shape::Word(T::NAME);

    fn put(self, call: &mut Call<'_>) -> Result<()> {
        call.put_object(self)
    }
}
