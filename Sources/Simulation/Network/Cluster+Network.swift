//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore
internal import RayWire

extension Cluster {
    // MARK: What processes ask for

    /// Makes a link unless there is one.
    func connect(_ process: SimulatedProcess, to address: Address) {
        guard process.isAlive, process.links[address.worker] == nil, address.worker != process.id else { return }
        let target = self.process(address)
        if let crossing = target.links[process.id], crossing.ends[1].process === process,
            !crossing.ends[1].isAttached, crossing.ends[0].core.state != .lost
        {
            crossing.ends[1].isAttached = true
            process.links[address.worker] = crossing
            scheduleTick(crossing, 1)
            return
        }
        let isSameNode = process.host == target.host
        linkCount += 1
        let link = SimulatedLink(
            number: linkCount, isSameNode: isSameNode, dialing: process, target: target,
            configurations: [
                configuration(of: process, with: target, connects: true, isSameNode: isSameNode),
                configuration(of: target, with: process, connects: false, isSameNode: isSameNode),
            ], at: now)
        links.append(link)
        process.links[address.worker] = link
        scheduleTick(link, 0)
        requestDial(link, microseconds: 0)
    }

    private func configuration(
        of process: SimulatedProcess, with peer: SimulatedProcess, connects: Bool, isSameNode: Bool
    ) -> LinkCore.Configuration {
        if isSameNode { return .sameNode(connects: connects) }
        // As in the real processes: the head and its peers ask each other for signs of life.
        var configuration = LinkCore.Configuration.acrossNodes(
            connects: connects, keepsAlive: process.role == .gcs || peer.role == .gcs)
        if plan.losesFrames { configuration.retransmitMilliseconds = 200 }
        if connects { configuration.forgetsLostReply = options.plantedFault == .lostReply }
        configuration.deliversRepetitions = options.plantedFault == .heardTwice
        configuration.trustsSilence = options.plantedFault == .trustSilence
        return configuration
    }

    /// Sends a message over an existing link; without one it is dropped, as a real endpoint does.
    func send(_ message: Message, requestID: UInt64, from process: SimulatedProcess, to peer: WorkerID) {
        guard process.isAlive else { return }
        guard let link = process.links[peer] else {
            note("\(process.name) has no link to \(peer.short): dropped \(message.traceText)")
            return
        }
        seals.said(message, by: process, to: peer)
        said(message, by: process)
        let side = link.ends[0].process === process ? 0 : 1
        var effects: [LinkCore.Effect] = []
        link.ends[side].core.receive(
            .send(kind: message.kind, requestID: requestID, payload: message.payload), at: now, into: &effects)
        perform(effects, link, side)
    }

    /// Ends a link with a goodbye; the peer hears the reason.
    func disconnect(_ process: SimulatedProcess, from peer: WorkerID, reason: String) {
        guard let link = process.links.removeValue(forKey: peer) else { return }
        let side = link.ends[0].process === process ? 0 : 1
        var effects: [LinkCore.Effect] = []
        link.ends[side].core.sayGoodbye(reason)
        link.ends[side].core.receive(.tick, at: now, into: &effects)
        perform(effects, link, side)
        link.ends[side].core.abandon()
        hangUp(link, side, reason: "the peer closed the connection", isProcessGone: false)
    }

    // MARK: Connections

    private func requestDial(_ link: SimulatedLink, microseconds: Int) {
        guard !link.isDialing else { return }
        link.isDialing = true
        add(.dial(link), microseconds: microseconds)
    }

    func dial(_ link: SimulatedLink) {
        guard link.ends[0].process.isAlive, link.ends[0].core.state == .waiting else {
            link.isDialing = false
            return
        }
        let target = link.ends[1].process
        if target.isSilent || isBlocked(link) {
            add(.dialed(link, reason: "no answer in time"), microseconds: 1_000_000)
        } else if isRestarted(target) {
            add(.dialed(link, reason: "the process was started again"), microseconds: 2 * delay(link))
        } else if !target.isAlive || link.ends[1].core.state == .lost {
            add(.dialed(link, reason: "connection refused"), microseconds: delay(link))
        } else {
            add(.dialed(link, reason: nil), microseconds: 2 * delay(link))
        }
    }

    func dialed(_ link: SimulatedLink, _ reason: String?) {
        link.isDialing = false
        guard link.ends[0].process.isAlive, link.ends[0].core.state == .waiting else { return }
        let target = link.ends[1].process
        guard reason == nil, target.isAlive, !isBlocked(link), link.ends[1].core.state != .lost else {
            // A process that left a link for good answers no later attempt to resume it.
            let isRefused = target.isAlive && link.ends[1].core.state == .lost || isRestarted(target)
            if isRefused { link.ends[0].core.end("the peer has forgotten this link") }
            return give(
                link, 0, .disconnected(reason: reason ?? "connection refused", isProcessGone: link.isSameNode))
        }
        attach(link)
        if link.ends[1].epoch != 0 {
            link.ends[1].epoch = 0
            give(link, 1, .disconnected(reason: "the peer connected again", isProcessGone: false))
        }
        guard link.ends[0].core.state == .waiting, link.ends[1].core.state == .waiting else { return }
        link.epoch += 1
        for side in 0...1 {
            link.ends[side].epoch = link.epoch
            link.ends[side].decoder = FrameDecoder(
                payloadBytesMax: Limits.framePayloadBytesMax, initialCapacity: 4096)
            link.ends[side].lastArrival = now
            link.ends[side].cutBytes = nil
            link.ends[side].isReadDue = false
        }
        let received = link.ends.map(\.core.highestReceived)
        // Who is connected is known before the first message comes.
        for side in 0...1 where !link.ends[side].isReported {
            link.ends[side].isReported = true
            let peer = link.ends[1 - side].process
            link.ends[side].process.peerUp(peer)
        }
        for side in 0...1 { give(link, side, .connected(peerHighestReceived: received[1 - side])) }
    }

    /// Whether another process answers in the place of this one.
    private func isRestarted(_ process: SimulatedProcess) -> Bool {
        processByID[process.id].map { $0 !== process && $0.isAlive } ?? false
    }

    /// Makes the link known at the side that did not dial.
    private func attach(_ link: SimulatedLink) {
        guard !link.ends[1].isAttached else { return }
        let (dialing, target) = (link.ends[0].process, link.ends[1].process)
        if let old = target.links[dialing.id], old !== link {
            let side = old.ends[0].process === target ? 0 : 1
            // The head is not told of the loss: the process is still there, and says anew what it has.
            if target.role == .gcs { target.links[dialing.id] = nil }
            old.ends[side].core.end("the peer made a new link")
            give(old, side, .tick)
        }
        link.ends[1].isAttached = true
        target.links[dialing.id] = link
    }

    /// A connection is gone for one side.
    func closed(_ link: SimulatedLink, _ side: Int, _ epoch: Int, _ reason: String, _ isProcessGone: Bool) {
        // What came before the end is read before it.
        if link.ends[side].isReadDue { read(link, side, epoch) }
        guard link.ends[side].epoch == epoch, link.ends[side].process.isAlive else { return }
        link.ends[side].epoch = 0
        give(link, side, .disconnected(reason: reason, isProcessGone: isProcessGone))
    }

    /// One side closes: the other sees it after what is under way.
    private func hangUp(_ link: SimulatedLink, _ side: Int, reason: String, isProcessGone: Bool) {
        let epoch = link.ends[side].epoch
        link.ends[side].epoch = 0
        guard epoch != 0, link.ends[1 - side].epoch == epoch else { return }
        let time = max(link.ends[1 - side].lastArrival, now).nanoseconds + UInt64(delay(link)) * 1_000
        queue.add(
            .closed(link, side: 1 - side, epoch: epoch, reason: reason, isProcessGone: isProcessGone),
            at: heard(link, from: side, at: Instant(nanoseconds: time)))
    }

    /// Cuts a connection between nodes in the middle of what is under way; both sides see it a little later.
    func cut(_ link: SimulatedLink, blockedMilliseconds: Int) {
        // A connection that was cut before and is not yet seen to be gone cannot break again.
        guard link.isConnected, link.ends.allSatisfy({ $0.cutBytes == nil }) else { return }
        link.blockedUntil = now.advanced(milliseconds: blockedMilliseconds)
        for side in 0...1 {
            link.ends[side].cutBytes = random(0...200)
            add(
                .closed(
                    link, side: side, epoch: link.epoch, reason: "the connection broke", isProcessGone: false),
                microseconds: random(0...3_000))
        }
    }

    /// A process is gone: its connections end, unless its whole machine is.
    func processGone(_ process: SimulatedProcess, isSilent: Bool) {
        process.isAlive = false
        process.isSilent = isSilent
        for peer in process.links.keys.sorted() {
            guard let link = process.links[peer] else { continue }
            let side = link.ends[0].process === process ? 0 : 1
            link.ends[side].core.abandon()
            let isWhole = link.ends[1 - side].cutBytes == nil
            if isSilent, !link.isSameNode {
                if isWhole { link.ends[1 - side].cutBytes = random(0...200) }
                link.ends[side].epoch = 0
            } else {
                if isWhole, !link.isSameNode, happens(perMille: 500) {
                    link.ends[1 - side].cutBytes = random(0...200)
                }
                hangUp(link, side, reason: "the peer's process is gone", isProcessGone: link.isSameNode)
            }
        }
        process.links = [:]
        links.removeAll { !$0.ends[0].process.isAlive && !$0.ends[1].process.isAlive }
    }

    /// Microseconds from one process to another.
    func delay(_ link: SimulatedLink) -> Int {
        if link.isSameNode, options.readsLate, happens(perMille: 100) { return random(500...6_000) }
        if link.isSameNode { return random(5...60) }
        return happens(perMille: 20) ? random(2_000...40_000) : random(80...1_500)
    }

    // MARK: Links

    func give(_ link: SimulatedLink, _ side: Int, _ input: LinkCore.Input) {
        var effects: [LinkCore.Effect] = []
        link.ends[side].core.receive(input, at: now, into: &effects)
        perform(effects, link, side)
    }

    func linkTick(_ link: SimulatedLink, _ side: Int) {
        link.ends[side].tickAt = .distantFuture
        guard link.ends[side].process.isAlive, link.ends[side].isAttached else { return }
        give(link, side, .tick)
    }

    private func scheduleTick(_ link: SimulatedLink, _ side: Int) {
        guard let at = link.ends[side].core.tickAt, at < link.ends[side].tickAt else { return }
        let time = max(at, Instant(nanoseconds: now.nanoseconds + 1_000))
        link.ends[side].tickAt = time
        queue.add(.linkTick(link, side: side), at: time)
    }

    private func perform(_ effects: [LinkCore.Effect], _ link: SimulatedLink, _ side: Int) {
        link.ends[side].core.checkInvariants()
        // Frames first: what a delivery leads to comes behind them on the connection.
        for case .transmit(let bytes) in effects { transmit(bytes, link, side) }
        for effect in effects {
            switch effect {
            case .transmit: break
            case .deliver(let kind, let requestID, let payload): deliver(kind, requestID, payload, link, side)
            case .connect(let at):
                if side == 0 {
                    requestDial(link, microseconds: Int((max(at, now).nanoseconds - now.nanoseconds) / 1_000))
                }
            case .close(let reason): hangUp(link, side, reason: reason, isProcessGone: false)
            case .lost(let reason): lost(link, side, reason)
            }
        }
        scheduleTick(link, side)
    }

    private func lost(_ link: SimulatedLink, _ side: Int, _ reason: String) {
        hangUp(link, side, reason: "the peer gave the link up", isProcessGone: false)
        let (process, peer) = (link.ends[side].process, link.ends[1 - side].process)
        guard process.isAlive, process.links[peer.id] === link else { return }
        process.links[peer.id] = nil
        if !link.isSameNode, peer.isAlive { killCounts.partitions += 1 }
        note("\(process.name) lost \(peer.name): \(reason)")
        digest.add(UInt64(link.number) << 1 | UInt64(side))
        process.peerLost(peer.id, reason)
    }

    private func transmit(_ bytes: [UInt8], _ link: SimulatedLink, _ side: Int) {
        guard link.isConnected else { return }
        let fault = fault(of: bytes, link, side)
        if fault == .lost || fault == .replyLost { return cut(link, blockedMilliseconds: random(0...100)) }
        if !link.isSameNode, plan.losesFrames, happens(perMille: plan.lossPerMille) {
            note("a frame of \(bytes.count) bytes from \(link.ends[side].process.name) is lost")
            return
        }
        let isTwice = fault == .repeated || !link.isSameNode && plan.losesFrames && happens(perMille: plan.lossPerMille)
        let copies = isTwice ? 2 : 1
        for _ in 0..<copies {
            let wanted = now.nanoseconds + UInt64(delay(link)) * 1_000 + UInt64(bytes.count)
            let heard = heard(link, from: side, at: Instant(nanoseconds: wanted))
            let time = max(heard, Instant(nanoseconds: link.ends[1 - side].lastArrival.nanoseconds + 1))
            link.ends[1 - side].lastArrival = time
            queue.add(.arrival(link, side: 1 - side, epoch: link.epoch, bytes: bytes), at: time)
        }
    }

    func arrive(_ link: SimulatedLink, _ side: Int, _ epoch: Int, _ bytes: [UInt8]) {
        guard link.ends[side].epoch == epoch, link.ends[side].process.isAlive else { return }
        var bytes = bytes
        if let rest = link.ends[side].cutBytes {
            bytes = Array(bytes.prefix(min(rest, bytes.count - 1)))
            link.ends[side].cutBytes = 0
        }
        bytes.withUnsafeBytes { link.ends[side].decoder.append($0) }
        guard options.readsTogether, link.ends[side].process is WorkerProcess else { return read(link, side, epoch) }
        guard !link.ends[side].isReadDue else { return }
        link.ends[side].isReadDue = true
        add(.read(link, side: side, epoch: epoch), microseconds: random(0...(happens(perMille: 200) ? 2_000 : 50)))
    }

    /// Takes all frames that have come, and has the process hear what is in them.
    func read(_ link: SimulatedLink, _ side: Int, _ epoch: Int) {
        guard link.ends[side].epoch == epoch, link.ends[side].process.isAlive else { return }
        link.ends[side].isReadDue = false
        do throws(WireError) {
            while link.ends[side].epoch == epoch, let frame = try link.ends[side].decoder.next() {
                let payload = link.ends[side].decoder.withBuffer { Array($0[frame.payload]) }
                give(link, side, .frame(header: frame.header, payload: payload))
            }
        } catch {
            fail("\(link.ends[side].process.name) cannot read the frames of its peer: \(error)")
        }
        link.ends[side].process.messagesEnd()
    }

    private func deliver(
        _ kind: UInt16, _ requestID: UInt64, _ payload: [UInt8], _ link: SimulatedLink, _ side: Int
    ) {
        let (process, peer) = (link.ends[side].process, link.ends[1 - side].process)
        guard process.isAlive, process.links[peer.id] === link else { return }
        let decoded = payload.withUnsafeBytes { bytes -> Result<Message, WireError> in
            Result { () throws(WireError) in try Message(kind: kind, payload: bytes) }
        }
        switch decoded {
        case .success(let message):
            report.messageCount += 1
            digest.add(UInt64(kind) << 32 | UInt64(link.number) << 1 | UInt64(side))
            digest.add(payload)
            if options.traceLinesMax > 0 {
                trace.add(.message(message, from: peer.name, to: process.name), at: now)
            }
            for _ in 0..<hearings(of: kind, link, side) {
                process.receive(message, requestID: requestID, from: peer.id)
            }
        case .failure(let error):
            fail("\(process.name) cannot read a message of kind \(kind) from \(peer.name): \(error)")
        }
    }
}
