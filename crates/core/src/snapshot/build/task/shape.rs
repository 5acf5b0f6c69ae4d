//! Comparison of shapes by content, and translation of their handles to another builder.

use super::super::{Catalogue, Renamed};
use crate::snapshot::intern::Str;
use crate::snapshot::task::Shape;
use std::cmp::Ordering;

fn strings_of(shape: Shape) -> [Str; 6] {
    [
        shape.func_or_class_name,
        shape.resources,
        shape.runtime_env,
        shape.label_selector,
        shape.fallback_strategy,
        shape.call_site,
    ]
}

pub(super) fn compare(a: Shape, b: Shape, values: &Catalogue) -> Ordering {
    let strings = strings_of(a).into_iter().zip(strings_of(b));
    (a.task_type, a.language)
        .cmp(&(b.task_type, b.language))
        .then_with(|| strings.fold(Ordering::Equal, |so_far, (a, b)| so_far.then_with(|| values.compare_str(a, b))))
}

pub(super) fn rename(shape: Shape, renamed: &Renamed) -> Shape {
    Shape {
        func_or_class_name: renamed.str(shape.func_or_class_name),
        resources: renamed.str(shape.resources),
        runtime_env: renamed.str(shape.runtime_env),
        label_selector: renamed.str(shape.label_selector),
        fallback_strategy: renamed.str(shape.fallback_strategy),
        call_site: renamed.str(shape.call_site),
        ..shape
    }
}
