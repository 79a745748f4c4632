//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import RayCore
import RayWire
import Testing

@Suite("LinkCore")
struct LinkCoreTests {
    /// Two links over a network that loses, repeats, reorders and breaks.
    struct World {
        var random: SeededGenerator
        var now = Instant(nanoseconds: 1_000_000_000)
        var links: [LinkCore]
        /// Frames under way to each side.
        var wires: [[[UInt8]]] = [[], []]
        var delivered: [[UInt64]] = [[], []]
        var lost: [String] = []
        var isUp = false
        var faultPercent = 10

        init(seed: UInt64, _ change: (inout LinkCore.Configuration) -> Void = { _ in }) {
            random = SeededGenerator(seed: seed)
            var configuration = LinkCore.Configuration()
            configuration.retransmitMilliseconds = 50
            change(&configuration)
            let now = now
            var connecting = configuration
            connecting.connects = true
            links = [LinkCore(connecting, at: now), LinkCore(configuration, at: now)]
        }

        mutating func apply(_ effects: [LinkCore.Effect], of side: Int) {
            for effect in effects {
                switch effect {
                case .transmit(let bytes): wires[1 - side].append(bytes)
                case .deliver(_, let requestID, let payload):
                    if payload != World.payload(requestID) { lost.append("message \(requestID) was changed") }
                    delivered[side].append(requestID)
                case .lost(let reason): lost.append(reason)
                case .close: breakWire()
                case .connect: break
                }
            }
            for link in links { link.checkInvariants() }
        }

        mutating func input(_ input: LinkCore.Input, _ side: Int) {
            var effects: [LinkCore.Effect] = []
            links[side].receive(input, at: now, into: &effects)
            apply(effects, of: side)
        }

        mutating func connect() {
            isUp = true
            let received = links.map(\.highestReceived)
            for side in 0..<2 { input(.connected(peerHighestReceived: received[1 - side]), side) }
        }

        mutating func breakWire() {
            guard isUp else { return }
            isUp = false
            wires = [[], []]
            for side in 0..<2 { input(.disconnected(reason: "reset", isProcessGone: false), side) }
        }

        /// Hands one frame over, or does to it what networks do.
        mutating func step(_ side: Int) {
            guard isUp, !wires[side].isEmpty else { return }
            let isFaulty = Int.random(in: 0..<100, using: &random) < faultPercent
            let fault = isFaulty ? Int.random(in: 0..<3, using: &random) : 3
            let index = fault == 0 ? Int.random(in: 0..<wires[side].count, using: &random) : 0
            let bytes = fault == 1 ? wires[side][index] : wires[side].remove(at: index)
            if fault == 2 { return }
            var decoder = FrameDecoder(payloadBytesMax: 1 << 20)
            bytes.withUnsafeBytes { decoder.append($0) }
            guard let frame = try? decoder.next() else { return #expect(Bool(false), "a frame was cut") }
            let payload = decoder.withBuffer { Array($0[frame.payload]) }
            input(.frame(header: frame.header, payload: payload), side)
        }

        mutating func advance(milliseconds: Int) {
            now = now.advanced(milliseconds: milliseconds)
            for side in 0..<2 { input(.tick, side) }
        }

        static func payload(_ number: UInt64) -> [UInt8] {
            [UInt8](repeating: UInt8(truncatingIfNeeded: number), count: number % 97 == 0 ? 70_000 : Int(number % 50))
        }

        /// Sends 300 messages each way under faults, then lets everything settle.
        mutating func run() {
            connect()
            var sent: [UInt64] = [0, 0]
            while sent != [300, 300] || delivered.map(\.count) != [300, 300] {
                let side = Int.random(in: 0..<2, using: &random)
                if sent[side] < 300, Int.random(in: 0..<3, using: &random) == 0 {
                    sent[side] += 1
                    input(.send(kind: 20, requestID: sent[side], payload: World.payload(sent[side])), side)
                }
                step(side)
                if Int.random(in: 0..<8, using: &random) == 0 { advance(milliseconds: 10) }
                if !isUp { connect() } else if Int.random(in: 0..<150, using: &random) == 0 { breakWire() }
                if !lost.isEmpty || now > Instant(nanoseconds: 120_000_000_000) { return }
            }
        }
    }

    @Test("Messages arrive exactly once, in order, whatever the network does", arguments: 0..<100 as Range<UInt64>)
    func exactlyOnce(seed: UInt64) {
        var world = World(seed: seed)
        world.run()
        #expect(world.lost == [])
        #expect(world.delivered == [Array(1...300), Array(1...300)])
    }

    @Test("Over streams, connections that break are enough of a fault", arguments: 0..<20 as Range<UInt64>)
    func streams(seed: UInt64) {
        var world = World(seed: seed) { $0.retransmitMilliseconds = nil }
        world.faultPercent = 0
        world.run()
        #expect(world.lost == [])
        #expect(world.delivered == [Array(1...300), Array(1...300)])
    }

    @Test("The planted fault is found: a message that was forgotten does not arrive")
    func plantedFault() {
        let isFound = (0..<10 as Range<UInt64>).contains { seed in
            var world = World(seed: seed) { $0.forgetsLostReply = true }
            world.run()
            return world.delivered != [Array(1...300), Array(1...300)]
        }
        #expect(isFound)
    }

    @Test("Confirmed messages are let go")
    func release() {
        var world = World(seed: 1)
        world.faultPercent = 0
        world.connect()
        for number in 1...1000 as ClosedRange<UInt64> {
            world.input(.send(kind: 20, requestID: number, payload: World.payload(number)), 0)
            while !world.wires[1].isEmpty { world.step(1) }
            while !world.wires[0].isEmpty { world.step(0) }
        }
        world.advance(milliseconds: 30)
        while !world.wires[0].isEmpty { world.step(0) }
        #expect(world.links[0].unacknowledgedCount == 0)
        #expect(world.links[0].queuedBytes == 0)
    }

    @Test("A silent peer loses its connection, then the link")
    func silence() {
        var world = World(seed: 2) { $0.retransmitMilliseconds = nil }
        world.connect()
        world.input(.send(kind: 20, requestID: 1, payload: World.payload(1)), 0)
        for _ in 0..<49 { world.advance(milliseconds: 100) }
        #expect(world.isUp)
        let pings = world.wires[1].count
        #expect(pings >= 3, "a message and some pings")
        world.advance(milliseconds: 200)
        #expect(!world.isUp)
        for _ in 0..<60 { world.advance(milliseconds: 100) }
        #expect(!world.lost.isEmpty)
    }

    @Test("A process that stood still does not blame its peer")
    func standstill() {
        var world = World(seed: 2) { $0.retransmitMilliseconds = nil }
        world.connect()
        world.input(.send(kind: 20, requestID: 1, payload: World.payload(1)), 0)
        world.advance(milliseconds: 1_100)
        world.advance(milliseconds: 60_000)
        #expect(world.isUp)
    }

    @Test("Nothing is sent and no tick is wanted on an idle link")
    func idle() {
        var world = World(seed: 3)
        world.connect()
        #expect(world.links[0].tickAt == nil)
        world.advance(milliseconds: 100_000)
        #expect(world.wires == [[], []])
        #expect(world.isUp)
    }

    @Test("A full queue is reported, and a hopeless one ends the link")
    func overflow() {
        var world = World(seed: 4) {
            $0.queuedBytesMax = 10_000
            $0.queuedBytesHardMax = 100_000
        }
        for number in 1...9 as ClosedRange<UInt64> {
            world.input(.send(kind: 20, requestID: number, payload: [UInt8](repeating: 0, count: 1000)), 0)
        }
        #expect(!world.links[0].isCongested)
        world.input(.send(kind: 20, requestID: 10, payload: [UInt8](repeating: 0, count: 1000)), 0)
        #expect(world.links[0].isCongested)
        #expect(world.lost.isEmpty)
        world.input(.send(kind: 20, requestID: 11, payload: [UInt8](repeating: 0, count: 100_000)), 0)
        #expect(world.lost.count == 1)
        #expect(world.links[0].state == .lost)
    }

    @Test("What is larger than a frame is refused, and the link goes on")
    func tooLarge() {
        var link = LinkCore(.sameNode(connects: true), at: .zero)
        link.connected(peerHighestReceived: 0, at: .zero)
        var payload = [UInt8](repeating: 1, count: Limits.framePayloadBytesMax + 1)
        #expect(!payload.withUnsafeBytes { link.enqueue(kind: 16, requestID: 1, payload: $0, at: .zero) })
        #expect(link.state == .up && link.unsentBytes == 0)
        payload.removeLast()
        #expect(payload.withUnsafeBytes { link.enqueue(kind: 16, requestID: 2, payload: $0, at: .zero) })
        #expect(link.unsentBytes == FrameHeader.byteCount + payload.count)
        link.checkInvariants()
    }

    @Test("Where the end of a connection is the end of the peer, the link is lost at once")
    func sameNode() {
        var link = LinkCore(.sameNode(connects: true), at: .zero)
        var effects: [LinkCore.Effect] = []
        link.receive(.connected(peerHighestReceived: 0), at: .zero, into: &effects)
        link.receive(.send(kind: 16, requestID: 1, payload: [1]), at: .zero, into: &effects)
        #expect(link.queuedBytes == 0, "what was written is not kept")
        effects = []
        link.receive(.disconnected(reason: "end", isProcessGone: false), at: .zero, into: &effects)
        #expect(effects == [.lost(reason: "end")])
    }

    @Test("Impossible resumption ends the link instead of the program")
    func impossibleResumption() {
        var link = LinkCore(at: .zero)
        var effects: [LinkCore.Effect] = []
        link.receive(.connected(peerHighestReceived: 99), at: .zero, into: &effects)
        #expect(link.state == .lost)
        #expect(effects.count == 1)
    }

    @Test("A peer that pings and reads nothing has no memory filled with answers")
    func pongs() {
        var configuration = LinkCore.Configuration()
        configuration.queuedBytesMax = 1_000
        var link = LinkCore(configuration, at: .zero)
        link.connected(peerHighestReceived: 0, at: .zero)
        let ping = FrameHeader(kind: LinkFrameKind.ping.rawValue, payloadLength: 0)
        for _ in 0..<10_000 {
            _ = link.accept(ping, payload: UnsafeRawBufferPointer(start: nil, count: 0), at: .zero)
        }
        #expect((500..<2_000).contains(link.queuedBytes))
    }
}
