//! The plugin `pidinfo`: reads what processes and threads do, again and again, for tools like `top`.
//!
//! The module `gshell.proc` tells the same and more; this is for those who look often: it keeps its memory and what it has
//! read, and makes tables only of what is shown.

mod cores;
mod folder;
mod reader;
mod stat;
mod text;

#[gshell_plugin_sdk::plugin(name = "pidinfo")]
mod plugin {
    use std::time::Instant;

    use gshell_plugin_sdk::{Call, Code, Error, Fields, Result};

    use crate::cores::Cpu;
    use crate::reader::{self, Order, Row, Units, Wanted};
    use crate::text::Name;

    /// What to look at.
    #[derive(Default, Fields)]
    pub struct Options {
        pids: Option<Vec<u32>>,
        threads: Option<bool>,
        filter: Option<String>,
        path: Option<String>,
    }

    /// What to give.
    #[derive(Default, Fields)]
    pub struct Shown {
        sort: Option<String>,
        top: Option<u32>,
    }

    /// A process.
    #[derive(Fields)]
    pub struct Process {
        pid: u32,
        ppid: u32,
        comm: Name<64>,
        state: Name<1>,
        cpu: f64,
        utime: f64,
        stime: f64,
        rss: i64,
        vsize: i64,
        priority: i32,
        nice: i32,
        threads: u32,
        processor: u32,
        start: f64,
        tasks: Option<Vec<Task>>,
    }

    /// A thread.
    #[derive(Fields)]
    pub struct Task {
        tid: u32,
        pid: u32,
        comm: Name<64>,
        state: Name<1>,
        cpu: f64,
        utime: f64,
        stime: f64,
        priority: i32,
        nice: i32,
        processor: u32,
        start: f64,
    }

    /// Reads processes, and remembers what it read.
    #[derive(Debug)]
    pub struct Reader {
        reader: reader::Reader,
        threads: bool,
        began: Instant,
        /// Places of the processes in the reader's rows.
        order: Vec<u32>,
    }

    /// A reader: `pids` are the processes to look at (0 is the one that runs this script), all without it; `threads` is true
    /// for the threads of each; `filter` is a pattern with * and ? that names have to fit; `path` is another folder than /proc.
    #[function]
    fn new(call: &Call<'_>, options: Option<Options>) -> Result<Reader> {
        call.only(1, &["pids", "threads", "filter", "path"])?;
        let options = options.unwrap_or_default();
        let threads = options.threads.unwrap_or_default();
        let wanted = Wanted {
            pids: options.pids.map(ascending),
            threads,
            filter: options.filter.map(String::into_bytes),
        };
        Ok(Reader {
            reader: reader::Reader::new(options.path.as_deref().unwrap_or("/proc"), wanted)?,
            threads,
            began: Instant::now(),
            order: Vec::new(),
        })
    }

    fn ascending(mut pids: Vec<u32>) -> Vec<u32> {
        for pid in &mut pids {
            if *pid == 0 {
                *pid = std::process::id();
            }
        }
        pids.sort_unstable();
        pids.dedup();
        pids
    }

    #[object]
    impl Reader {
        /// Reads, and gives the processes: `sort` is pid, comm, cpu, rss, vsize or time (pid without it), `top` how many at
        /// most. Those that have ended meanwhile are left out.
        #[method]
        fn read(&mut self, call: &Call<'_>, show: Option<Shown>) -> Result<Vec<Process>> {
            call.only(2, &["sort", "top"])?;
            let show = show.unwrap_or_default();
            let order = sorting(show.sort.as_deref())?;
            self.reader.read(self.began.elapsed())?;
            let rows = self.reader.rows();
            let processes = (0_u32..).zip(rows).filter(|(_, row)| row.tid == 0);
            self.order.clear();
            self.order.extend(processes.map(|(at, _)| at));
            if order != Order::Pid {
                let compare = |a: &u32, b: &u32| order.compare(&rows[*a as usize], &rows[*b as usize]);
                self.order.sort_unstable_by(compare);
            }
            self.order
                .truncate(show.top.map_or(usize::MAX, |top| top as usize));
            let show = |at: &u32| process(&rows[*at as usize..], &self.reader.units, self.threads);
            Ok(self.order.iter().map(show).collect())
        }

        /// What each CPU did between the last two readings, in percent, and what all of them did together.
        #[method]
        fn cpus(&self) -> (Vec<Cpu>, Cpu) {
            (self.reader.cores.each(), self.reader.cores.all())
        }

        /// The command line of a process in one string, at most 4096 bytes of it; nil if there is no such process.
        #[method]
        fn cmdline(&mut self, pid: u32) -> Result<Option<String>> {
            self.reader.cmdline(pid)
        }

        /// Memory of a process in bytes, where what it shares counts in parts; nil if there is no such process, or it has
        /// none.
        #[method]
        fn pss(&mut self, pid: u32) -> Result<Option<i64>> {
            Ok(self.reader.pss(pid)?.map(bounded))
        }
    }

    fn sorting(name: Option<&str>) -> Result<Order> {
        let Some(name) = name else {
            return Ok(Order::Pid);
        };
        let found = Order::NAMES.iter().find(|(known, _)| *known == name);
        found.map(|(_, order)| *order).ok_or_else(|| {
            let text = format!("nothing is sorted by {name:?}; use pid, comm, cpu, rss, vsize or time");
            Error::new(Code::Invalid, text)
        })
    }

    fn bounded(bytes: u64) -> i64 {
        i64::try_from(bytes).unwrap_or(i64::MAX)
    }

    /// The table of the first row, with the threads that follow it.
    fn process(rows: &[Row], units: &Units, threads: bool) -> Process {
        let Row { pid, stat, cpu, .. } = rows[0];
        let tasks = rows[1..].iter().take_while(|row| row.tid != 0);
        Process {
            pid,
            ppid: stat.ppid,
            comm: stat.comm,
            state: stat.state,
            cpu,
            utime: stat.utime as f64 / units.hertz,
            stime: stat.stime as f64 / units.hertz,
            rss: bounded(stat.rss.saturating_mul(units.page)),
            vsize: bounded(stat.vsize),
            priority: stat.priority,
            nice: stat.nice,
            threads: stat.threads,
            processor: stat.processor,
            start: units.boot + stat.start as f64 / units.hertz,
            tasks: threads.then(|| tasks.map(|row| task(row, units)).collect()),
        }
    }

    fn task(row: &Row, units: &Units) -> Task {
        let Row { tid, pid, stat, cpu } = *row;
        Task {
            tid,
            pid,
            comm: stat.comm,
            state: stat.state,
            cpu,
            utime: stat.utime as f64 / units.hertz,
            stime: stat.stime as f64 / units.hertz,
            priority: stat.priority,
            nice: stat.nice,
            processor: stat.processor,
            start: units.boot + stat.start as f64 / units.hertz,
        }
    }
}
