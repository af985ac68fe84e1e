//! Random shapes with random values: what goes in comes out, in the bytes that postcard would write.

// The lints spare test functions, not their helpers.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeMap;

use gshell_wire::{
    Bytes, Reader, Schema, Shape, ShapeField, ShapeVariant, Value, Width, Writer, decode, encode,
};
use serde::{Deserialize, Serialize, Serializer, ser::SerializeMap, ser::SerializeSeq, ser::SerializeTuple};

/// xorshift: the same numbers on every run and machine.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    /// Small and large numbers alike, of at most `bits` bits.
    fn number(&mut self, bits: u32) -> u64 {
        let shift = 64 - bits + self.below(u64::from(bits)) as u32;
        self.next() >> shift
    }

    fn signed(&mut self, bits: u32) -> i64 {
        let value = self.number(bits - 1) as i64;
        if self.below(2) == 0 { value } else { -value - 1 }
    }

    fn name(&mut self, i: u64) -> String {
        format!("{}{i}", ["a", "field", "ü", "x-y"][self.below(4) as usize])
    }

    fn shape(&mut self, depth: u32) -> Shape {
        let kinds = if depth == 0 { 14 } else { 20 };
        let parts = |random: &mut Random| 1 + random.below(4);
        match self.below(kinds) {
            0 => Shape::Bool,
            1 => Shape::I8,
            2 => Shape::I16,
            3 => Shape::I32,
            4 => Shape::I64,
            5 => Shape::U8,
            6 => Shape::U16,
            7 => Shape::U32,
            8 => Shape::U64,
            9 => Shape::F32,
            10 => Shape::F64,
            11 => Shape::Str,
            12 => Shape::Bytes,
            13 => Shape::Unit,
            14 => Shape::List(Box::new(self.entry(depth - 1))),
            15 => Shape::Map(Box::new(self.entry(0)), Box::new(self.shape(depth - 1))),
            16 => Shape::Option(Box::new(self.shape(depth - 1))),
            17 => Shape::Tuple((0..parts(self)).map(|_| self.shape(depth - 1)).collect()),
            18 => Shape::Struct {
                name: "S".into(),
                fields: (0..parts(self))
                    .map(|i| ShapeField {
                        name: self.name(i),
                        shape: self.shape(depth - 1),
                        help: "help".into(),
                    })
                    .collect(),
            },
            _ => Shape::Enum {
                name: "E".into(),
                variants: (0..parts(self))
                    .map(|i| ShapeVariant {
                        name: self.name(i),
                        shape: self.shape(depth - 1),
                        help: String::new(),
                    })
                    .collect(),
            },
        }
    }

    /// A shape that takes bytes.
    fn entry(&mut self, depth: u32) -> Shape {
        loop {
            let shape = self.shape(depth);
            if shape.min_len() > 0 {
                return shape;
            }
        }
    }

    fn value(&mut self, shape: &Shape) -> Value {
        let count = self.below(5);
        match shape {
            Shape::Bool => Value::Bool(count > 2),
            Shape::I8 => Value::Int(self.signed(8)),
            Shape::I16 => Value::Int(self.signed(16)),
            Shape::I32 => Value::Int(self.signed(32)),
            Shape::I64 => Value::Int(self.signed(64)),
            Shape::U8 => Value::Uint(self.number(8)),
            Shape::U16 => Value::Uint(self.number(16)),
            Shape::U32 => Value::Uint(self.number(32)),
            Shape::U64 => Value::Uint(self.number(64)),
            Shape::F32 => Value::Float(f64::from(self.number(64) as f32)),
            Shape::F64 => Value::Float(self.number(64) as f64 / 7.0),
            Shape::Str => Value::Str("ü".repeat(count as usize * 40)),
            Shape::Bytes => Value::Bytes((0..count * 50).map(|_| self.next() as u8).collect()),
            Shape::Unit => Value::Unit,
            Shape::List(of) => Value::List((0..count).map(|_| self.value(of)).collect()),
            Shape::Map(keys, values) => Value::Map(
                (0..count)
                    .map(|_| (self.value(keys), self.value(values)))
                    .collect(),
            ),
            Shape::Option(of) => Value::Option((count > 1).then(|| Box::new(self.value(of)))),
            Shape::Tuple(shapes) => Value::Tuple(shapes.iter().map(|shape| self.value(shape)).collect()),
            Shape::Struct { fields, .. } => Value::Struct(
                fields
                    .iter()
                    .map(|field| (field.name.clone(), self.value(&field.shape)))
                    .collect(),
            ),
            Shape::Enum { variants, .. } => {
                let variant = &variants[self.below(variants.len() as u64) as usize];
                Value::Enum {
                    variant: variant.name.clone(),
                    value: Box::new(self.value(&variant.shape)),
                }
            }
        }
    }
}

/// A value as serde is told about it by a type of that shape.
struct Typed<'a>(&'a Value, &'a Shape);

impl Serialize for Typed<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match (self.0, self.1) {
            (Value::Bool(value), _) => to.serialize_bool(*value),
            (Value::Int(value), Shape::I8) => to.serialize_i8(*value as i8),
            (Value::Int(value), Shape::I16) => to.serialize_i16(*value as i16),
            (Value::Int(value), Shape::I32) => to.serialize_i32(*value as i32),
            (Value::Int(value), _) => to.serialize_i64(*value),
            (Value::Uint(value), Shape::U8) => to.serialize_u8(*value as u8),
            (Value::Uint(value), Shape::U16) => to.serialize_u16(*value as u16),
            (Value::Uint(value), Shape::U32) => to.serialize_u32(*value as u32),
            (Value::Uint(value), _) => to.serialize_u64(*value),
            (Value::Float(value), Shape::F32) => to.serialize_f32(*value as f32),
            (Value::Float(value), _) => to.serialize_f64(*value),
            (Value::Str(text), _) => to.serialize_str(text),
            (Value::Bytes(bytes), _) => to.serialize_bytes(bytes),
            (Value::Unit, _) => to.serialize_unit(),
            (Value::Option(None), _) => to.serialize_none(),
            (Value::Option(Some(value)), Shape::Option(of)) => to.serialize_some(&Typed(value, of)),
            (Value::List(values), Shape::List(of)) => {
                let mut seq = to.serialize_seq(Some(values.len()))?;
                values
                    .iter()
                    .try_for_each(|value| seq.serialize_element(&Typed(value, of)))?;
                seq.end()
            }
            (Value::Map(entries), Shape::Map(keys, values)) => {
                let mut map = to.serialize_map(Some(entries.len()))?;
                entries.iter().try_for_each(|(key, value)| {
                    map.serialize_entry(&Typed(key, keys), &Typed(value, values))
                })?;
                map.end()
            }
            (Value::Tuple(values), Shape::Tuple(shapes)) => {
                let mut tuple = to.serialize_tuple(values.len())?;
                values
                    .iter()
                    .zip(shapes)
                    .try_for_each(|(value, shape)| tuple.serialize_element(&Typed(value, shape)))?;
                tuple.end()
            }
            (Value::Struct(values), Shape::Struct { fields, .. }) => {
                let mut tuple = to.serialize_tuple(values.len())?;
                values.iter().zip(fields).try_for_each(|((_, value), field)| {
                    tuple.serialize_element(&Typed(value, &field.shape))
                })?;
                tuple.end()
            }
            (Value::Enum { variant, value }, Shape::Enum { variants, .. }) => {
                let index = variants.iter().position(|found| found.name == *variant).unwrap();
                to.serialize_newtype_variant("E", index as u32, "v", &Typed(value, &variants[index].shape))
            }
            (value, shape) => panic!("{value:?} is no {shape}"),
        }
    }
}

#[test]
fn random_shapes_and_values() {
    let mut random = Random(1);
    let mut kinds = [0u32; 256];
    for _ in 0..3000 {
        let shape = random.shape(4);
        assert_eq!(shape.check(), Ok(()));
        let mut described = Vec::new();
        shape.write(&mut described);
        kinds[usize::from(described[0])] += 1;
        assert_eq!(Shape::read(&described), Ok(shape.clone()));
        let value = random.value(&shape);
        let mut bytes = Vec::new();
        value.encode(&shape, &mut bytes).unwrap();
        assert_eq!(
            bytes,
            postcard::to_allocvec(&Typed(&value, &shape)).unwrap(),
            "{shape}"
        );
        assert!(bytes.len() >= shape.min_len() as usize);
        assert_eq!(Value::decode(&shape, &bytes), Ok(value.clone()), "{shape}");
        assert!(value.summary(100).len() <= 100);
        for cut in 0..bytes.len().min(200) {
            assert!(
                Value::decode(&shape, &bytes[..cut]).is_err(),
                "{shape} cut after {cut}"
            );
        }
    }
    assert_eq!(
        kinds.iter().filter(|count| **count > 50).count(),
        20,
        "every type was there"
    );
}

#[test]
fn wrong_bytes_are_read_or_refused_and_nothing_else() {
    let mut random = Random(2);
    for _ in 0..5000 {
        let shape = random.shape(4);
        let mut bytes = Vec::new();
        random.value(&shape).encode(&shape, &mut bytes).unwrap();
        for _ in 0..bytes.len().min(4) {
            let at = random.below(bytes.len() as u64) as usize;
            bytes[at] = random.next() as u8;
        }
        if let Ok(value) = Value::decode(&shape, &bytes) {
            let mut again = Vec::new();
            value.encode(&shape, &mut again).unwrap();
            let read = Value::decode(&shape, &again).unwrap();
            assert_eq!(
                format!("{read:?}"),
                format!("{value:?}"),
                "NaN is not equal to itself"
            );
        }
    }
}

#[derive(Debug, PartialEq, Serialize, Deserialize, Schema)]
struct Job {
    name: String,
    code: Option<i32>,
    raw: Bytes,
    limits: BTreeMap<String, u64>,
    state: State,
}

#[derive(Debug, PartialEq, Serialize, Deserialize, Schema)]
enum State {
    Idle,
    Wrapped(u16),
    Pair(i8, f32),
    Named { since: u64 },
}

#[test]
fn a_native_type_and_a_script_mean_the_same_bytes() {
    let shape = Shape::of::<Job>();
    for state in [
        State::Idle,
        State::Wrapped(300),
        State::Pair(-1, 0.5),
        State::Named { since: 7 },
    ] {
        let job = Job {
            name: "a".into(),
            code: Some(-3),
            raw: Bytes::from(vec![1, 2]),
            limits: BTreeMap::from([("x".into(), u64::MAX)]),
            state,
        };
        let mut typed = Vec::new();
        encode(&job, &mut typed).unwrap();
        let tree = Value::decode(&shape, &typed).unwrap();
        let mut untyped = Vec::new();
        tree.encode(&shape, &mut untyped).unwrap();
        assert_eq!(typed, untyped);
        assert_eq!(decode::<Job>(&untyped), Ok(job));
    }
}

#[test]
fn field_by_field_without_a_tree() {
    let mut out = Vec::new();
    let mut writer = Writer::new(&mut out);
    writer.str("a");
    writer.bool(true);
    assert!(writer.int(Width::W32, -3));
    writer.bytes(&[1, 2]);
    writer.len(1);
    writer.str("x");
    assert!(writer.uint(Width::W64, u64::MAX));
    writer.variant(1);
    assert!(writer.uint(Width::W16, 300));
    assert!(!writer.uint(Width::W16, 65536) && !writer.int(Width::W8, 128));
    let job = decode::<Job>(&out).unwrap();
    assert_eq!((job.code, job.state), (Some(-3), State::Wrapped(300)));

    let mut reader = Reader::new(&out);
    reader.enter().unwrap();
    assert_eq!(reader.str().unwrap(), "a");
    assert!(reader.bool().unwrap());
    assert_eq!(reader.int(Width::W32).unwrap(), -3);
    assert_eq!(reader.bytes().unwrap(), [1, 2]);
    assert_eq!(reader.len(2).unwrap(), 1);
    assert_eq!(
        (reader.str().unwrap(), reader.uint(Width::W64).unwrap()),
        ("x", u64::MAX)
    );
    assert_eq!(reader.variant(4).unwrap(), 1);
    assert!(reader.finish().is_err());
    assert_eq!(reader.uint(Width::W16).unwrap(), 300);
    reader.leave();
    assert_eq!((reader.left(), reader.finish()), (0, Ok(())));
}
