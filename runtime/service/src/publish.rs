//! Publishing: a service under its name, in the scopes that it is for.

use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use gshell_net::rt::{self, Task};
use gshell_net::{Listener, Scope, tcp, unix};
use gshell_sys::peer::{current_uid, is_member};
use gshell_wire::{Code, Fault, check_name};

use crate::handlers::{Handlers, Identity};
use crate::link::Peer;
use crate::node::Node;
use crate::registry::{Listing, taken};
use crate::scope::Scopes;
use crate::server::{Admit, Server};

/// The system group whose members may use the services of another user.
const USERS: &str = "gshell";

/// Who may connect unless a publisher says otherwise: this process; root, this user and members of the group `gshell`;
/// and over TCP everybody, because a service is only there when its publisher gave an address.
pub fn admission() -> Admit {
    let own = current_uid();
    Rc::new(move |peer: &Peer| match peer.credentials {
        Some(who) if who.uid != 0 && who.uid != own && !is_member(who.uid, USERS) => {
            let text = format!(
                "user {} may not use this service: it belongs to user {own} and group {USERS}",
                who.uid
            );
            Err(Fault::new(Code::Denied, text))
        }
        _ => Ok(()),
    })
}

/// What a publisher may choose beside the scopes.
#[derive(Clone, Default)]
pub struct PublishOptions {
    /// Listen on this TCP address as well; port 0 takes a free one.
    pub tcp: Option<SocketAddr>,
    /// Who may connect; [`admission`] if nothing is said.
    pub admit: Option<Admit>,
}

/// Publishes services under one publisher's name, on the thread's executor.
#[derive(Clone, Debug)]
pub struct Publisher {
    node: Node,
    name: String,
}

impl Publisher {
    /// A publisher of the node.
    ///
    /// # Errors
    /// `Invalid` when the name has characters that names do not have.
    pub fn new(node: &Node, name: &str) -> Result<Publisher, Fault> {
        good_name(name)?;
        Ok(Publisher {
            node: node.clone(),
            name: name.to_owned(),
        })
    }

    /// Publishes a service; it is answered until the result is dropped.
    ///
    /// # Errors
    /// `Exists` when a scope has a service of that name, `Invalid` for a bad name or for a scope that cannot be had,
    /// `Storage` when its socket cannot be made. Nothing is published then.
    pub fn publish(
        &self,
        service: &str,
        handlers: Handlers,
        scopes: Scopes,
        options: &PublishOptions,
    ) -> Result<Published, Fault> {
        good_name(service)?;
        if scopes.has(Scope::Lan) || scopes.has(Scope::Wan) {
            return Err(no_registry("publish"));
        }
        if scopes == Scopes::NONE && options.tcp.is_none() {
            return Err(Fault::new(
                Code::Invalid,
                "a service needs a scope to be published in",
            ));
        }
        let name = &self.name;
        let listing = match scopes.has(Scope::Process) {
            true => Some(Rc::new(Listing::publish(name, service)?)),
            false => None,
        };
        let file = match scopes.has(Scope::Os) {
            true => Some(self.bind(service)?),
            false => None,
        };
        handlers.identify(Identity {
            publisher: name.clone(),
            service: service.to_owned(),
            provider: self.node.id.clone(),
        });
        let admit = options.admit.clone().unwrap_or_else(admission);
        let mut published = Published {
            server: Server::new(handlers, admit),
            scopes,
            address: None,
            file,
            listing,
            tasks: Vec::new(),
        };
        published.start(options.tcp)?;
        Ok(published)
    }

    fn bind(&self, service: &str) -> Result<unix::Published, Fault> {
        unix::publish(&self.node.run_dir, &self.name, service).map_err(|error| match error {
            unix::PublishError::Exists(path) => {
                let place = format!("on this machine (scope OS) at {}", path.display());
                taken(&self.name, service, &place)
            }
            unix::PublishError::Name(_) | unix::PublishError::TooLong(_) => {
                Fault::new(Code::Invalid, error.to_string())
            }
            unix::PublishError::Io(..) => Fault::new(Code::Storage, error.to_string()),
        })
    }
}

/// What is said of scopes that nothing is found in yet.
pub(crate) fn no_registry(what: &str) -> Fault {
    let text = format!(
        "cannot {what} in scope LAN or WAN: this node has no registry for them; use a TCP address (tcp:HOST:PORT)"
    );
    Fault::new(Code::Invalid, text)
}

fn good_name(name: &str) -> Result<(), Fault> {
    check_name(name).map_err(|error| Fault::new(Code::Invalid, error.to_string()))
}

/// A service that is published. It is withdrawn when this is dropped, and its connections end.
pub struct Published {
    server: Server,
    scopes: Scopes,
    address: Option<SocketAddr>,
    file: Option<unix::Published>,
    listing: Option<Rc<Listing>>,
    tasks: Vec<Task<()>>,
}

impl Published {
    fn start(&mut self, address: Option<SocketAddr>) -> Result<(), Fault> {
        let broken = |error: std::io::Error| Fault::new(Code::Storage, format!("cannot listen: {error}"));
        if let Some(file) = &self.file {
            let listener = file.listener().try_clone().map_err(broken)?;
            self.serve(listener.into());
        }
        if let Some(address) = address {
            let listener = tcp::listen(address).map_err(|error| {
                let text = format!("cannot listen on {address}");
                Fault::new(Code::Storage, text).with_cause(error)
            })?;
            self.address = listener.local_addr().ok();
            self.serve(listener.into());
        }
        if let Some(listing) = self.listing.clone() {
            let server = self.server.clone();
            self.tasks.push(rt::spawn(async move {
                loop {
                    server.accept_local(listing.accept().await);
                }
            }));
        }
        Ok(())
    }

    fn serve(&mut self, listener: Listener) {
        let server = self.server.clone();
        self.tasks.push(rt::spawn(async move {
            // It ends with the listener only; nothing can be done about one that fails for good.
            let _ = server.serve(listener).await;
        }));
    }

    /// The server behind it: its counters, its connections.
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// The scopes that it is published in.
    pub fn scopes(&self) -> Scopes {
        self.scopes
    }

    /// The TCP address that it listens on.
    pub fn tcp(&self) -> Option<SocketAddr> {
        self.address
    }

    /// Withdraws the service: nobody finds it any more, and nobody new is let in.
    pub fn withdraw(&mut self) {
        self.tasks.clear();
        self.file = None;
        if let Some(listing) = self.listing.take() {
            listing.withdraw();
        }
    }

    /// Withdraws the service, lets running handlers end within `grace`, then ends all connections.
    pub async fn close(mut self, grace: Duration) {
        self.withdraw();
        let _ = rt::timeout(grace, self.server.quiet()).await;
    }
}

impl Drop for Published {
    fn drop(&mut self) {
        self.withdraw();
        self.server.close();
    }
}
