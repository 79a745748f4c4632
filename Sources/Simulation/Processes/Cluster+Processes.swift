//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore
internal import RayObjectStore
internal import RayWire

extension Cluster {
    // MARK: Starts

    /// How long processes wait for a head that is away.
    var reconnectMilliseconds: Int { options.headDies ? 60_000 : 0 }

    /// Starts the head, from what the one before it has written.
    func startHead() {
        do throws(RayError) {
            let head = try GCSProcess(cluster: self, journal: journal)
            gcs = head
            enter(head)
            note("the head starts")
            lastFault = max(lastFault, now)
            head.start()
        } catch {
            fail("the head cannot start: \(error.message)")
        }
    }

    /// Starts a node: the next of the plan, or one like a node that could not join.
    func startNode(likeNode planned: Int?) {
        let index = raylets.count
        let node = plan.nodes[(planned ?? index) % plan.nodes.count]
        let raylet = RayletProcess(
            cluster: self, index: index, cpuCount: node.cpuCount, storeCapacity: node.storeCapacity)
        raylets.append(raylet)
        enter(raylet)
        note("\(raylet.name) starts with \(node.cpuCount) CPUs")
        raylet.start()
    }

    func startDriver(_ nodeIndex: Int?, _ script: [Operation]) {
        driversToStart -= 1
        let number = plan.drivers.count - driversToStart
        let living = raylets.filter(\.isAlive)
        let raylet = nodeIndex.flatMap { index in living.isEmpty ? nil : living[index % living.count] }
        let id = WorkerID.random(using: &generator)
        let address = Address(
            node: raylet?.address.node ?? .none, worker: id, host: raylet?.host ?? "client\(number)",
            port: UInt16(20_000 + number), socketPath: "")
        let driver = WorkerProcess(
            cluster: self, raylet: raylet, role: .driver, address: address, name: "driver\(number)", startToken: 0,
            job: JobID(0), script: script)
        enter(driver)
        note("\(driver.name) starts on \(address.host)")
        driver.introduce()
    }

    /// A worker process runs; it reports a little later.
    func spawned(_ raylet: RayletProcess, _ startToken: UInt64, _ job: JobID) {
        guard raylet.isAlive else { return }
        let id = WorkerID.random(using: &generator)
        let count = processes.count { $0.role == .worker } + 1
        let address = Address(
            node: raylet.address.node, worker: id, host: raylet.host, port: UInt16(truncatingIfNeeded: 30_000 + count),
            socketPath: "")
        let worker = WorkerProcess(
            cluster: self, raylet: raylet, role: .worker, address: address, name: "worker\(count)",
            startToken: startToken, job: job, script: [])
        enter(worker)
        note("\(worker.name) is started by \(raylet.name)")
        add(.booted(worker), microseconds: random(1_000...30_000))
        raylet.started(worker, startToken: startToken)
    }

    // MARK: Ends

    /// A driver has done all it wanted.
    func driverEnded(_ driver: WorkerProcess) {
        driver.letActorsGo()
        guard isAllLetGo(by: driver) else { return add(.resume(driver, frame: 0), microseconds: 50_000) }
        note("\(driver.name) has ended")
        driver.send(.finishJob(FinishJob()), to: .gcs)
        for peer in driver.links.keys.sorted() { disconnect(driver, from: peer, reason: "the program ends") }
        gone(driver)
    }

    /// Whether nothing is held for a driver that let go of all it had; says so if something stays.
    ///
    /// A driver during whose run nothing fails waits for that, so what is left over is not hidden by its end.
    private func isAllLetGo(by driver: WorkerProcess) -> Bool {
        guard killCounts.any == 0, plan.faultEvents.isEmpty, let left = leftOver(of: driver.job) else { return true }
        driver.lettingGoCount += 1
        // What a process that is gone has borrowed is kept for ten seconds after the five for which its link is missed.
        if driver.lettingGoCount > 400 { fail("\(left) at the end") }
        return report.failure != nil
    }

    /// What processes and stores still hold for a job.
    private func leftOver(of job: JobID) -> String? {
        for case let process as WorkerProcess in processes where process.isAlive && process.job == job {
            if process.heldCount > 0 { return "\(process.name) holds \(process.heldCount) objects" }
        }
        for raylet in raylets where raylet.isAlive {
            let objects = raylet.store.objects.filter { $0.job == job }
            if let object = objects.first {
                return "the store of \(raylet.name) holds \(objects.count) objects, \(object.short) among them,"
            }
            // A file stays for the objects of other jobs in it.
            let files = raylet.store.disk.files.values.filter { $0.allSatisfy { $0.0.id.job == job } }
            if !files.isEmpty { return "the disk of \(raylet.name) holds \(files.count) files" }
        }
        return nil
    }

    /// A worker or driver ends by itself, or is killed.
    func kill(_ process: WorkerProcess, signal: Int32, code: Int32 = 0, by killer: String) {
        guard process.isAlive else { return }
        note("\(process.name) is ended by \(killer) (signal \(signal), code \(code))")
        digest.add(UInt64(process.processID))
        gone(process, code: code, signal: signal)
    }

    private func gone(_ process: WorkerProcess, code: Int32 = 0, signal: Int32 = 0, isSilent: Bool = false) {
        processGone(process, isSilent: isSilent)
        process.frames = [:]
        guard let raylet = process.raylet, raylet.isAlive else { return }
        if process.slot != 0 { add(.detached(raylet, slot: process.slot), microseconds: random(10...4_000)) }
        guard process.role == .worker else { return }
        add(
            .exited(raylet, processID: process.processID, code: code, signal: signal),
            microseconds: random(10...8_000))
    }

    /// A raylet ends, and its workers with it; with a whole machine also its drivers.
    func kill(_ raylet: RayletProcess, isSilent: Bool, because reason: String) {
        guard raylet.isAlive else { return }
        killCounts.nodes += 1
        lastFault = now
        report.faults.append("\(raylet.name) ends: \(reason)")
        note("\(raylet.name) ends: \(reason)")
        processGone(raylet, isSilent: isSilent)
        for case let process as WorkerProcess in processes where process.isAlive && process.raylet === raylet {
            guard process.role == .worker || isSilent else { continue }
            if process.role == .driver { killCounts.drivers += 1 }
            killCounts.workers += process.role == .worker ? 1 : 0
            gone(process, signal: 9, isSilent: isSilent)
        }
        // Without any node nothing in a cluster can end well.
        if !raylets.contains(where: \.isAlive) {
            add(.nodeStart(likeNode: nil), microseconds: random(1_000...3_000_000))
        }
    }
}
