//! What is kept of an answer once it is sent.

use std::sync::Arc;

use crate::backend::Backend;
use crate::chats_store::StoredChat;
use crate::responses_store::Stored;

/// What is kept of an answer.
pub(crate) enum Kept {
    Response(Arc<Stored>),
    Chat(Arc<StoredChat>),
}

impl Kept {
    /// Keeps what goes on whether its caller listens or not.
    pub(crate) fn begin(&self, backend: &Backend) {
        if let Self::Response(stored) = self
            && stored.background.is_some()
        {
            backend.responses.put(Arc::clone(stored));
        }
    }

    /// Keeps what is complete now; what goes on in the background is kept already.
    pub(crate) fn end(self, backend: &Backend) {
        match self {
            Self::Response(stored) if stored.background.is_some() => {}
            Self::Response(stored) => backend.responses.put(stored),
            Self::Chat(chat) => backend.chats.put(chat),
        }
    }

    /// Whether its caller has ended it before its time.
    pub(crate) fn is_cancelled(&self) -> bool {
        matches!(self, Self::Response(stored) if stored.is_cancelled())
    }
}
