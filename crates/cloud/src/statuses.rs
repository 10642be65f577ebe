//! The states of a service as an enum of ours: spelled as the service spells them, and open to what it adds later.

macro_rules! statuses {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)+
            /// A status newer than this program: something to wait through, never an error.
            Unknown(String),
        }

        impl $name {
            /// Every status the service documents.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// From the API's spelling.
            pub fn parse(text: &str) -> Self {
                match text {
                    $($text => Self::$variant,)+
                    other => Self::Unknown(other.to_owned()),
                }
            }
        }

        /// The API's spelling.
        impl std::fmt::Display for $name {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str(match self {
                    $(Self::$variant => $text,)+
                    Self::Unknown(other) => other,
                })
            }
        }
    };
}

pub(crate) use statuses;
