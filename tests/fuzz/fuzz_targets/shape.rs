//! Descriptions of shapes: what is accepted keeps to the bounds, and is written and read as the same shape.

#![no_main]

use gshell_wire::Shape;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(shape) = Shape::read(data) else { return };
    assert_eq!(shape.check(), Ok(()));
    let mut out = Vec::new();
    shape.write(&mut out);
    assert_eq!(Shape::read(&out), Ok(shape.clone()));
    assert!(shape.difference(&shape).is_none());
    assert!(!shape.to_string().is_empty());
    // Against a shape that it is not, and the other way round.
    let other = Shape::List(Box::new(shape.clone()));
    assert!(shape.difference(&other).is_some() && other.difference(&shape).is_some());
});
