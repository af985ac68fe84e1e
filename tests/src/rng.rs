//! Reproducible random numbers for tests that stir: a failure prints its seed, and the seed gives the run again.

/// A xorshift generator; quality does not matter here, being the same on every machine does.
pub struct Rng(u32);

impl Rng {
    /// From a seed; 0 counts as 1, which the generator needs.
    pub fn new(seed: u32) -> Self {
        Self(seed.max(1))
    }

    /// The seed in the environment variable `name`, or one from the clock.
    pub fn seed(name: &str) -> u32 {
        let now = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .map_or(1, |t| t.subsec_nanos());
        std::env::var(name)
            .ok()
            .and_then(|text| text.parse().ok())
            .unwrap_or(now)
    }

    /// A number below `bound`, which is not 0.
    pub fn below(&mut self, bound: u32) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        self.0 % bound
    }

    /// One of `choices`.
    pub fn pick<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        &choices[self.below(choices.len() as u32) as usize]
    }
}
