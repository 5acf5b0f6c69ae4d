//! Ids in filters that Ray passes to its source, which parses them and reports an invalid one in Python's words.

use super::Filter;
use crate::RayError;

/// Checks the value of a filter on a column of node, task, actor or job ids.
pub fn check_id(filter: &Filter) -> Result<(), RayError> {
    let bytes = match filter.column {
        "node_id" => 28,
        "task_id" => 24,
        "actor_id" => 16,
        "job_id" => 4,
        _ => return Ok(()),
    };
    let given = &filter.given;
    // Python's unhexlify checks the digits first.
    let problem = if !given.bytes().all(|c| c.is_ascii_hexdigit()) {
        "Non-hexadecimal digit found".to_owned()
    } else if given.len() % 2 == 1 {
        "Odd-length string".to_owned()
    } else if given.len() != 2 * bytes {
        format!("ID string needs to have length {bytes}, got {}", given.len() / 2)
    } else {
        return Ok(());
    };
    Err(RayError::BadQuery(problem))
}
