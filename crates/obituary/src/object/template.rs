//! The template of a group's pods: images, resources, and the names and sources of environment variables.

use super::lenient::{Items, Label, Quantities, lenient};

lenient! {
    /// The template of a pod.
    pub struct Template {
        /// The spec of the pod.
        spec: TemplateSpec = "spec",
    }
}

lenient! {
    /// The spec of a pod in a template.
    pub struct TemplateSpec {
        /// The containers; the first one is Ray's.
        containers: Items<Container, 16> = "containers",
        /// The labels that a node must have.
        node_selector: Quantities = "nodeSelector",
        /// The class of priority.
        priority_class: Label = "priorityClassName",
    }
}

lenient! {
    /// A container, without its arguments and its command.
    pub struct Container {
        /// The name.
        name: Label = "name",
        /// The image.
        image: Label = "image",
        /// The resources.
        resources: Resources = "resources",
        /// The names of environment variables, and their sources.
        env: Items<EnvVar, 64> = "env",
    }
}

lenient! {
    /// The resources of a container.
    pub struct Resources {
        /// Guaranteed.
        requests: Quantities = "requests",
        /// At most.
        limits: Quantities = "limits",
    }
}

lenient! {
    /// An environment variable without its value.
    pub struct EnvVar {
        /// The name.
        name: Label = "name",
        /// The source of the value.
        from: ValueFrom = "valueFrom",
    }
}

lenient! {
    /// The source of a value.
    pub struct ValueFrom {
        /// A key of a Secret.
        secret: KeyRef = "secretKeyRef",
        /// A key of a `ConfigMap`.
        config_map: KeyRef = "configMapKeyRef",
        /// A field of the pod.
        field: FieldRef = "fieldRef",
        /// A resource of a container.
        resource: ResourceRef = "resourceFieldRef",
    }
}

lenient! {
    /// A key of an object.
    pub struct KeyRef {
        /// The object.
        name: Label = "name",
        /// The key.
        key: Label = "key",
    }
}

lenient! {
    /// A field of the pod.
    pub struct FieldRef {
        /// The path of the field.
        path: Label = "fieldPath",
    }
}

lenient! {
    /// A resource of a container.
    pub struct ResourceRef {
        /// The resource.
        resource: Label = "resource",
    }
}
