//! What this build is: its flavour, its C library, and the features that are compiled in.

use crate::builtin;

/// A feature of the crate, and whether this build has it. Those that have no switch are always there.
const FEATURES: [(&str, bool); 5] = [
    ("lua5.4", true),
    ("unix", true),
    ("tcp", true),
    ("editor", cfg!(feature = "editor")),
    ("tools", cfg!(feature = "tools")),
];

/// How many of them have no switch.
const FIXED: usize = 3;

/// The features of this build, and the plugins that are built in.
pub fn features() -> Vec<String> {
    let present = FEATURES.iter().filter(|(_, present)| *present);
    let built_in = builtin::NAMES.iter().map(|name| format!("builtin-{name}"));
    present
        .map(|(name, _)| (*name).to_owned())
        .chain(built_in)
        .collect()
}

/// `full` with every feature, `lean` with none but those that have no switch, else `custom`.
pub fn flavour() -> &'static str {
    match FEATURES[FIXED..].iter().filter(|(_, present)| *present).count() {
        0 => "lean",
        some if some == FEATURES.len() - FIXED => "full",
        _ => "custom",
    }
}

/// The C library that the program runs on: `glibc 2.36` is the one of this machine, `musl static` is in the program.
pub fn libc() -> String {
    let version = gshell_sys::version::glibc().map(|version| format!(" {version}"));
    let place = if cfg!(target_feature = "crt-static") {
        " static"
    } else {
        ""
    };
    let name = match cfg!(target_env = "musl") {
        true => "musl",
        false => "glibc",
    };
    format!("{name}{}{place}", version.unwrap_or_default())
}

/// The error for a word of the command line that belongs to a feature which this build is without.
pub fn without(word: &str, feature: &str) -> String {
    format!("this build has no '{word}': it was built without the feature {feature}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_flavour_follows_from_the_features() {
        let all = FEATURES.len();
        let wanted = match features().len() - builtin::NAMES.len() {
            FIXED => "lean",
            some if some == all => "full",
            _ => "custom",
        };
        assert_eq!(flavour(), wanted);
        assert!(
            ["glibc ", "musl"].iter().any(|name| libc().starts_with(name)),
            "{}",
            libc()
        );
    }
}
