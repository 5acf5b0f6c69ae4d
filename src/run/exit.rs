//! Exit codes, the same for all commands. 0 is success; the help of the program lists them.

/// Nothing was found, or a check failed: the question was answered, with no.
pub(super) const NOTHING: u8 = 1;

/// The arguments are wrong, or it could not be done. The parser of the command line has the same code.
pub const FAILED: u8 = 2;
