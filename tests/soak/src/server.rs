//! The process under test: services that do a little of everything. It ends with its standard input.

use std::cell::Cell;
use std::io::Read;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use gshell_service::{Handlers, Node, PublishOptions, Publisher, Scopes, Workers, rt};
use gshell_sys::memory;
use gshell_wire::{Bytes, Fault};

use crate::messages::{Block, Down, Echo, Item, Live, LiveFigures, Total, Up, Wait};

/// Who publishes.
pub const PUBLISHER: &str = "soak";
/// Threads for blocking handlers that stay when there is nothing to do.
pub const RESIDENT: u32 = 1;
/// Bytes of an item.
const ITEM: usize = 1024;

/// Counts the handlers that exist, by its clones.
#[derive(Clone)]
struct Count(Rc<Cell<u32>>);

/// One handler.
struct Counted(Rc<Cell<u32>>);

impl Count {
    fn one(&self) -> Counted {
        self.0.set(self.0.get() + 1);
        Counted(self.0.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

fn handlers() -> Handlers {
    let count = Count(Rc::default());
    let [wait, down, up, live] = std::array::from_fn(|_| count.clone());
    Handlers::new()
        .workers(Workers {
            resident: RESIDENT as _,
            max: 8,
            weight: 4,
        })
        .on(|echo: Echo, _| async move { Ok(echo) })
        .on(move |request: Wait, _| {
            let counted = wait.one();
            async move {
                rt::sleep(Duration::from_millis(request.ms.into())).await;
                drop(counted);
                Ok(request)
            }
        })
        .on_blocking(|request: Block, _| {
            std::thread::sleep(Duration::from_millis(request.ms.into()));
            Ok(request)
        })
        .on_stream(move |_: Down, stream, _| {
            let counted = down.one();
            async move {
                let _counted = counted;
                let mut n = 0_u32;
                loop {
                    let data = Bytes::from(vec![0; ITEM]);
                    stream.send(Item { n, data }).await?;
                    n = n.wrapping_add(1);
                }
            }
        })
        .on_stream(move |_: Up, stream, _| {
            let counted = up.one();
            async move {
                let _counted = counted;
                let mut n = 0;
                while let Some(item) = stream.recv().await? {
                    item.decode::<Item>()?;
                    n += 1;
                }
                stream.send(Total { n }).await
            }
        })
        .on(move |_: Live, _| {
            let figures = LiveFigures {
                handlers: live.0.get(),
                allocated: memory::allocated().unwrap_or(0),
            };
            async move { Ok(figures) }
        })
}

/// Serves under the names, each with a TCP address as well, which is printed.
pub async fn serve(run_dir: &Path, names: &[String]) -> Result<(), Fault> {
    let publisher = Publisher::new(&Node::at(run_dir), PUBLISHER)?;
    let options = PublishOptions {
        tcp: Some(([127, 0, 0, 1], 0).into()),
        ..PublishOptions::default()
    };
    let mut published = Vec::new();
    for name in names {
        let service = publisher.publish(name, handlers(), Scopes::OS, &options)?;
        if let Some(address) = service.tcp() {
            println!("{address}");
        }
        published.push(service);
    }
    rt::unblock(|| {
        let mut rest = Vec::new();
        // However it ends, nobody wants this process any more.
        let _ = std::io::stdin().read_to_end(&mut rest);
    })
    .await;
    Ok(())
}
