//! Objects: values of a plugin that scripts hold and call methods of.

use gshell_plugin_abi as abi;

use crate::guard;

/// A type whose values scripts can hold. `#[object]` in a `#[plugin]` module implements it.
///
/// A script may end, and a blocking method run, on another thread than the one that made the object.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no class of objects",
    note = "write #[object] above an impl of the type, in the plugin's module"
)]
pub trait Object: Send + Sized + 'static {
    /// The class's name.
    const NAME: &'static str;

    /// The class, always the same.
    #[doc(hidden)]
    fn class() -> &'static abi::Class;
}

/// What lies in memory for an object: also one without data has a place that no other one has.
#[repr(C)]
struct Slot<T> {
    value: T,
    place: u8,
}

/// Moves an object to where the host keeps it. The value is at the pointer.
pub(crate) fn give_away<T: Object>(value: T) -> abi::Data {
    Box::into_raw(Box::new(Slot { value, place: 0 })).cast()
}

/// Ends an object.
///
/// # Safety
/// `data` is from `give_away` of the same type, nobody uses it any more, and this is called once for it.
pub unsafe extern "C" fn drop_object<T: Object>(data: abi::Data) {
    if data.is_null() {
        return;
    }
    // SAFETY: by the condition of this function, it is the box that `give_away` made, and its last use.
    let slot = unsafe { Box::from_raw(data.cast::<Slot<T>>()) };
    // Nobody is there to be told that the end of an object panicked.
    let _ = guard::caught(move || drop(slot));
}
