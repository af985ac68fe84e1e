//! Bytes to trees.

use super::Value;
use crate::reader::{Result, short};
use crate::{DecodeError, Reader, Shape, Width};

/// Most bytes of memory that a decoded tree may take, as [`Value::decode`] counts them.
pub const TREE_MAX: u32 = 64 * 1024 * 1024;
/// What a value counts beside its texts and bytes: its place in a list and what the allocator adds.
const NODE_COST: u32 = 48;

impl Value {
    /// Reads a value of `shape` that fills `bytes` exactly.
    ///
    /// A tree is larger than its bytes (a bool is one byte, and a field brings its name along), so it is bounded by
    /// [`TREE_MAX`]: each value counts 48 bytes and its name, texts and bytes their length.
    ///
    /// # Errors
    /// What does not fit, and where.
    pub fn decode(shape: &Shape, bytes: &[u8]) -> Result<Value> {
        Value::decode_within(shape, bytes, TREE_MAX)
    }

    /// As [`Value::decode`], for a tree that counts at most `max` bytes.
    ///
    /// # Errors
    /// As [`Value::decode`].
    pub fn decode_within(shape: &Shape, bytes: &[u8], max: u32) -> Result<Value> {
        let mut take = Take {
            reader: Reader::new(bytes),
            left: max,
            max,
        };
        let value = take.value(shape)?;
        take.reader.finish()?;
        Ok(value)
    }
}

struct Take<'a> {
    reader: Reader<'a>,
    /// Memory that may still be taken.
    left: u32,
    max: u32,
}

impl Take<'_> {
    fn pay(&mut self, bytes: usize) -> Result<()> {
        self.left = self.left.checked_sub(short(bytes)).ok_or(DecodeError::TooLarge {
            at: self.reader.at(),
            max: self.max,
        })?;
        Ok(())
    }

    fn value(&mut self, shape: &Shape) -> Result<Value> {
        self.pay(NODE_COST as usize)?;
        let reader = &mut self.reader;
        Ok(match shape {
            Shape::Bool => Value::Bool(reader.bool()?),
            Shape::I8 => Value::Int(reader.int(Width::W8)?),
            Shape::I16 => Value::Int(reader.int(Width::W16)?),
            Shape::I32 => Value::Int(reader.int(Width::W32)?),
            Shape::I64 => Value::Int(reader.int(Width::W64)?),
            Shape::U8 => Value::Uint(reader.uint(Width::W8)?),
            Shape::U16 => Value::Uint(reader.uint(Width::W16)?),
            Shape::U32 => Value::Uint(reader.uint(Width::W32)?),
            Shape::U64 => Value::Uint(reader.uint(Width::W64)?),
            Shape::F32 => Value::Float(f64::from(reader.f32()?)),
            Shape::F64 => Value::Float(reader.f64()?),
            Shape::Str => {
                let text = reader.str()?;
                self.pay(text.len())?;
                Value::Str(text.to_owned())
            }
            Shape::Bytes => {
                let bytes = reader.bytes()?;
                self.pay(bytes.len())?;
                Value::Bytes(bytes.to_vec())
            }
            Shape::Unit => Value::Unit,
            _ => {
                reader.enter()?;
                let value = self.composite(shape)?;
                self.reader.leave();
                value
            }
        })
    }

    fn composite(&mut self, shape: &Shape) -> Result<Value> {
        Ok(match shape {
            Shape::List(of) => {
                let count = self.reader.len(of.min_len())?;
                Value::List((0..count).map(|_| self.value(of)).collect::<Result<_>>()?)
            }
            Shape::Map(keys, values) => {
                let count = self.reader.len(keys.min_len().saturating_add(values.min_len()))?;
                let entries = (0..count).map(|_| Ok((self.value(keys)?, self.value(values)?)));
                Value::Map(entries.collect::<Result<_>>()?)
            }
            Shape::Option(of) => {
                if self.reader.bool()? {
                    Value::Option(Some(Box::new(self.value(of)?)))
                } else {
                    Value::Option(None)
                }
            }
            Shape::Tuple(shapes) => {
                let values = shapes.iter().map(|shape| self.value(shape));
                Value::Tuple(values.collect::<Result<_>>()?)
            }
            Shape::Struct { fields, .. } => {
                let fields = fields.iter().map(|field| {
                    self.pay(field.name.len())?;
                    Ok((field.name.clone(), self.value(&field.shape)?))
                });
                Value::Struct(fields.collect::<Result<_>>()?)
            }
            Shape::Enum { variants, .. } => {
                let at = self.reader.at();
                let count = short(variants.len());
                let index = self.reader.variant(count)?;
                let variant = usize::try_from(index).ok().and_then(|index| variants.get(index));
                let Some(variant) = variant else {
                    return Err(DecodeError::UnknownVariant {
                        at,
                        found: index,
                        variants: count,
                    });
                };
                self.pay(variant.name.len())?;
                Value::Enum {
                    variant: variant.name.clone(),
                    value: Box::new(self.value(&variant.shape)?),
                }
            }
            // What holds nothing was read by the caller.
            _ => Value::Unit,
        })
    }
}
