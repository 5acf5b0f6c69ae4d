//! The reason for which a person sees an empty list.

use crate::http::request::Call;
use ray_history_access::Right;
use ray_history_session::catalog::Listing;

/// Returns the reason if a person who may not see all namespaces sees no session. It is the same whether or not any are
/// stored.
pub(in crate::http) fn reason(call: &Call<'_>, listing: &Listing) -> Option<String> {
    let (visible, granted) = (call.permit.visible(), call.permit.granted_to()?);
    if visible.is_all() || listing.count(visible) > 0 {
        return None;
    }
    let check = granted.access.settings().check;
    let permission = check.attributes(Right::Sessions, "");
    let permission = permission.map_or_else(String::new, |asked| format!("{} {}", asked.verb, asked.resource_name()));
    let user = granted.person.identity.user();
    Some(format!(
        "No session is stored that {user:?} may see: a namespace shows its sessions to those who may {permission} in it."
    ))
}
