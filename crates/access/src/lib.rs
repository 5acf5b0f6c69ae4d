//! Access: who a client is and which namespaces it may see, as reviews of Kubernetes say.
//!
//! [`Access`] finds the [`Person`] behind the [`Credentials`] of a request, and decides whether that person has a
//! [`Right`] in a namespace. A [`Reviewer`] asks the API server. Its answers are cached, shared by all who wait for the
//! same one, and limited in number and rate.
//!
//! This crate knows neither HTTP nor the client of Kubernetes.

pub mod access;
pub mod audit;
mod clock;
pub mod cookie;
pub mod credentials;
mod current;
mod decisions;
mod failures;
mod flights;
mod freshness;
mod identities;
pub mod identity;
pub mod observer;
mod proxy;
mod rate;
pub mod reviewer;
mod reviews;
pub mod right;
pub mod settings;
mod shares;
mod standing;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod token;
mod turns;

pub use access::{Access, LoginRefused, Refused, Undecided, Visible};
pub use cookie::Sealed;
pub use credentials::{Credentials, ProxyHeaders};
pub use current::{CurrentAccess, Mode};
pub use identity::{Identity, Person, Way};
pub use observer::{Observer, State};
pub use reviewer::{Decision, ReviewError, Reviewed, Reviewer};
pub use right::{Attributes, Check, Right, Scope};
pub use settings::AccessSettings;
pub use token::Token;
