//! Which call goes wrong, and how.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use crate::{Code, Error};

use super::state::error;

/// What happens to a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It fails without effect.
    Fail(Code),
    /// It and the ones that follow it, this many in all, are throttled, without effect.
    Throttle(u32),
    /// It takes this much longer.
    Delay(Duration),
    /// It takes effect, and its caller gets [`Code::NoAnswer`].
    LoseResponse,
    /// It never begins and never ends: its caller is to be dropped.
    CancelBefore,
    /// It takes effect and never ends: its caller is to be dropped.
    CancelAfter,
}

#[derive(Clone, Debug)]
struct Planned {
    /// None: any operation.
    operation: Option<String>,
    /// From 1.
    nth: u32,
    fault: Fault,
}

impl Planned {
    fn hits(&self, operation: &str, overall: u32, of_operation: u32) -> bool {
        let count = match self.operation.as_deref() {
            None => overall,
            Some(named) if named == operation => of_operation,
            Some(_) => return false,
        };
        let times = if let Fault::Throttle(times) = self.fault { times } else { 1 };
        (self.nth..self.nth.saturating_add(times)).contains(&count)
    }
}

#[derive(Debug, Default)]
struct Book {
    planned: Vec<Planned>,
    calls: Vec<&'static str>,
    has_struck: bool,
}

/// The plan of what goes wrong and the count of calls. Clones are the same plan.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    book: Arc<Mutex<Book>>,
    cancelled: Arc<Notify>,
}

impl Faults {
    pub(super) fn plan(&self, operation: Option<&str>, nth: u32, fault: Fault) {
        let operation = operation.map(str::to_owned);
        self.book().planned.push(Planned { operation, nth, fault });
    }

    /// Nothing goes wrong any more; the count goes on.
    pub fn disarm(&self) {
        self.book().planned.clear();
    }

    /// How many calls there were on any port.
    pub fn calls_made(&self) -> u32 {
        u32::try_from(self.book().calls.len()).unwrap_or(u32::MAX)
    }

    /// The operations of the calls in their order.
    pub fn operations(&self) -> Vec<&'static str> {
        self.book().calls.clone()
    }

    /// True once a fault has acted on a call.
    pub fn has_struck(&self) -> bool {
        self.book().has_struck
    }

    /// Resolves when a call was reached that is to be cancelled.
    pub async fn cancelled(&self) {
        self.cancelled.notified().await;
    }

    /// Runs the work, and drops it when it reaches a call that is to be cancelled: none then.
    pub async fn run<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            output = work => Some(output),
            () = self.cancelled() => None,
        }
    }

    /// A call, with what is planned for it.
    pub(super) async fn around<T: Send>(
        &self,
        operation: &'static str,
        call: impl Future<Output = Result<T, Error>> + Send,
    ) -> Result<T, Error> {
        match self.count(operation) {
            None => call.await,
            Some(Fault::Fail(code)) => Err(error(operation, code, "made to fail")),
            Some(Fault::Throttle(_)) => Err(error(operation, Code::Throttled, "Rate exceeded")),
            Some(Fault::Delay(span)) => {
                super::pause(span).await;
                call.await
            }
            Some(Fault::LoseResponse) => {
                drop(call.await);
                Err(error(operation, Code::NoAnswer, "connection reset by peer"))
            }
            Some(Fault::CancelBefore) => self.never().await,
            Some(Fault::CancelAfter) => {
                drop(call.await);
                self.never().await
            }
        }
    }

    fn count(&self, operation: &'static str) -> Option<Fault> {
        let mut book = self.book();
        book.calls.push(operation);
        let count = |of: usize| u32::try_from(of).unwrap_or(u32::MAX);
        let overall = count(book.calls.len());
        let of_operation = count(book.calls.iter().filter(|made| **made == operation).count());
        let hit = book.planned.iter().find(|planned| planned.hits(operation, overall, of_operation));
        let fault = hit.map(|planned| planned.fault.clone());
        book.has_struck |= fault.is_some();
        fault
    }

    async fn never<T>(&self) -> T {
        self.cancelled.notify_one();
        std::future::pending().await
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
