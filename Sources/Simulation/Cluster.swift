//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore
internal import RayGCS
internal import RayWire

/// A whole cluster in one process: all cores, the network between them, and a virtual clock.
///
/// One thread, one queue of events: two runs of one seed do exactly the same.
final class Cluster {
    let options: SimulationOptions
    let plan: Plan
    /// Draws all that is not in the plan: delays, losses, victims.
    var generator: SplitMix64
    /// When the run begins: not at 0, so that no core takes a time of its own for "never".
    static let start = Instant(nanoseconds: 1_000_000_000)
    var now = Cluster.start
    var queue = EventQueue()
    var trace: TraceRing
    var digest = Digest()
    var report: SimulationReport
    var oracle = Oracle()
    var seals = SealOracle()

    /// Every process that ever was, in order of its start.
    var processes: [SimulatedProcess] = []
    var processByID: [WorkerID: SimulatedProcess] = [:]
    var gcs: GCSProcess?
    /// What the head writes and its successor reads.
    let journal = MemoryJournal()
    var raylets: [RayletProcess] = []
    /// Every link that is not lost at both ends, in order.
    var links: [SimulatedLink] = []
    var linkCount = 0
    var silences: [Silence] = []
    var lastProcessID: Int32 = 100
    /// Event numbers at which something fails, in order.
    var faultTimes: [Int] = []
    var lastFault = Instant.zero
    var killCounts = KillCounts()
    /// Drivers that have not started yet.
    var driversToStart = 0
    /// When all drivers were done.
    var doneAt: Instant?

    /// How many of each were killed: what errors may be explained by.
    struct KillCounts {
        var workers = 0
        var nodes = 0
        var drivers = 0
        /// Workers that ended because their program wanted it.
        var crashes = 0
        /// Connections that broke for long enough that a process may have counted as lost.
        var partitions = 0
        /// Silences that last for long enough for that.
        var silences = 0
        /// Connections that broke for so long that a process may be given up before its links are.
        var longCuts = 0
        var heads = 0
        /// Disks that were full for a while; no process ends by that.
        var disks = 0
        var any: Int { workers + nodes + drivers + crashes + partitions + silences + heads }
    }

    init(seed: UInt64, options: SimulationOptions) {
        self.options = options
        plan = Plan(seed: seed, options: options)
        generator = SplitMix64(seed: seed ^ 0x5eed_c1a5_7e12_0001)
        trace = TraceRing(countMax: options.traceLinesMax)
        report = SimulationReport(seed: seed, workload: plan.workload)
        report.nodeCount = plan.nodes.count
        report.driverCount = plan.drivers.count
    }

    /// A number from `range`, evenly.
    func random(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &generator) }

    /// Whether something of this chance, in thousandths, happens.
    func happens(perMille: Int) -> Bool { random(0...999) < perMille }

    func note(_ text: @autoclosure () -> String) {
        if options.traceLinesMax > 0 { trace.add(.note(text()), at: now) }
    }

    /// Notes what is wrong; the first one counts.
    func fail(_ text: String) {
        guard report.failure == nil else { return }
        report.failure = text
        note("FAILED: \(text)")
    }

    func add(_ kind: Event.Kind, microseconds: Int) {
        queue.add(kind, at: Instant(nanoseconds: now.nanoseconds + UInt64(max(0, microseconds)) * 1_000 + 1))
    }

    func takeProcessID() -> Int32 {
        lastProcessID += 1
        return lastProcessID
    }

    func enter(_ process: SimulatedProcess) {
        processes.append(process)
        processByID[process.id] = process
    }

    /// The process of this id; a dead one that nobody ever knew if there is none.
    func process(_ address: Address) -> SimulatedProcess {
        if let known = processByID[address.worker] { return known }
        let nobody = SimulatedProcess(cluster: self, address: address, role: .worker, name: "nobody")
        nobody.isAlive = false
        processByID[address.worker] = nobody
        return nobody
    }

    // MARK: Run

    /// Runs until all is done, something is wrong, or a limit is reached.
    func run() -> SimulationReport {
        setUp()
        while report.failure == nil, let event = queue.popFirst() {
            report.eventCount += 1
            now = max(now, event.time)
            digest.add(now.nanoseconds)
            while let due = faultTimes.first, due <= report.eventCount {
                faultTimes.removeFirst()
                strike()
            }
            perform(event.kind)
            if report.eventCount >= options.eventsMax { fail("the run took more than \(options.eventsMax) events") }
            if isOver() { break }
        }
        if report.failure == nil { checkQuiescence() }
        report.endMilliseconds = now.milliseconds(since: Self.start)
        report.digest = digest.value
        report.trace = trace.lines
        return report
    }

    private func setUp() {
        startHead()
        for _ in plan.nodes { add(.nodeStart(likeNode: nil), microseconds: random(0...2_000)) }
        driversToStart = plan.drivers.count
        for driver in plan.drivers {
            add(
                .driverStart(nodeIndex: driver.nodeIndex, script: driver.script),
                microseconds: 20_000 + random(0...20_000))
        }
        faultTimes = plan.faultEvents
    }

    private func perform(_ kind: Event.Kind) {
        switch kind {
        case .arrival(let link, let side, let epoch, let bytes): arrive(link, side, epoch, bytes)
        case .read(let link, let side, let epoch): read(link, side, epoch)
        case .dial(let link): dial(link)
        case .dialed(let link, let reason): dialed(link, reason)
        case .closed(let link, let side, let epoch, let reason, let isProcessGone):
            closed(link, side, epoch, reason, isProcessGone)
        case .linkTick(let link, let side): linkTick(link, side)
        case .processTick(let process): if process.isAlive { process.tick() }
        case .resume(let process, let frame): if process.isAlive { process.resume(frame) }
        case .driverStart(let nodeIndex, let script): startDriver(nodeIndex, script)
        case .nodeStart(let index): startNode(likeNode: index)
        case .headStart: startHead()
        case .spawned(let raylet, let startToken, let job): spawned(raylet, startToken, job)
        case .booted(let worker): if worker.isAlive { worker.introduce() }
        case .exited(let raylet, let processID, let code, let signal):
            if raylet.isAlive { raylet.exited(processID, code: code, signal: signal) }
        case .struck(let worker): kill(worker)
        case .detached(let raylet, let slot): if raylet.isAlive { raylet.detach(slot) }
        case .disk(let raylet, let job): if raylet.isAlive { raylet.diskDone(job) }
        case .fetched(let raylet, let key): if raylet.isAlive { raylet.programFetched(key) }
        }
    }

    private func isOver() -> Bool {
        // A head that was to die at its next words may have died since, when it gave a driver up.
        if let doneAt { return now >= max(doneAt, lastFault).advanced(milliseconds: plan.settleMilliseconds) }
        let drivers = processes.filter { $0.role == .driver && $0.isAlive }
        if drivers.isEmpty, driversToStart == 0 {
            doneAt = max(now, lastFault)
            report.finishedMilliseconds = now.milliseconds(since: Self.start)
            // Nothing fails while the cluster comes to rest.
            faultTimes = []
            note("all drivers are done")
        } else if report.eventCount.isMultiple(of: 64) {
            for case let driver as WorkerProcess in drivers { driver.checkHang() }
        }
        return false
    }
}
