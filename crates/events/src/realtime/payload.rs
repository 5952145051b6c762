//! How the payloads of `audit.*` and `transcription.*` are declared.

/// Declares the payload of one event: what it is about, the event's own fields, and its fixed `status`.
macro_rules! payload {
    (
        $subject:ident: $subject_type:ty,
        $(#[$meta:meta])* $name:ident = $event:literal, $status_type:ident($status:literal) {
            $($(#[$field_meta:meta])* $field:ident: $type:ty,)*
        }
    ) => {
        #[doc = concat!("`status` of `", $event, "`.")]
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
        pub enum $status_type {
            #[doc = concat!("`", $status, "`, always.")]
            #[default]
            #[serde(rename = $status)]
            Only,
        }

        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
        pub struct $name {
            #[doc = concat!("The ", stringify!($subject), ".")]
            #[serde(flatten)]
            pub $subject: $subject_type,
            $($(#[$field_meta])* pub $field: $type,)*
            /// Always the same word.
            pub status: $status_type,
        }

        impl $crate::realtime::RealtimeEvent for $name {
            const NAME: &'static str = $event;
        }
    };
}

pub(super) use payload;
