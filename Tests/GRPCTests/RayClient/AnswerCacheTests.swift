//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import NIOCore
import RayGRPC
import Testing

@Suite("Answers that a client may ask for again")
struct AnswerCacheTests {
    private let answer = ByteBuffer(string: "answer")

    @Test("A request is new once; then it has its answer, or is the program's")
    func standing() {
        var cache = AnswerCache()
        #expect(cache.standing(of: 1) == .new)
        cache.add(answer, to: 1)
        #expect(cache.standing(of: 1) == .answered(answer))
        #expect(cache.standing(of: 2) == .new)
        cache.leave(2)
        #expect(cache.standing(of: 2) == .seen)
        #expect(cache.standing(of: 1) == .answered(answer))
        #expect(cache.standing(of: 3) == .new)
    }

    @Test("Requests without a number are never answered here", arguments: [0, -1, Int32.min])
    func withoutNumber(_ id: Int32) {
        var cache = AnswerCache()
        #expect(cache.standing(of: id) == .seen)
        cache.leave(id)
        #expect(cache.standing(of: 1) == .new)
    }

    @Test("Answers go when the client has them")
    func acknowledged() {
        var cache = AnswerCache()
        for id in Int32(1)...10 { cache.add(answer, to: id) }
        acknowledge(4, in: &cache, isForwarded: false)
        #expect(cache.count == 6)
        #expect(cache.standing(of: 4) == .seen)
        #expect(cache.standing(of: 5) == .answered(answer))
        acknowledge(10, in: &cache, isForwarded: false)
        #expect(cache.count == 0)
    }

    @Test("The program hears what the client has as long as it has answers of its own, and not more often")
    func forwarded() {
        var cache = AnswerCache()
        cache.add(answer, to: 1)
        cache.leave(2)
        cache.leave(3)
        cache.add(answer, to: 4)
        acknowledge(2, in: &cache, isForwarded: true)
        acknowledge(3, in: &cache, isForwarded: true)
        acknowledge(4, in: &cache, isForwarded: false)
        cache.leave(5)
        acknowledge(5, in: &cache, isForwarded: true)
    }

    @Test("Nothing is kept for a client that does not come again, nor done twice")
    func unused() {
        var cache = AnswerCache()
        cache.isUsed = false
        cache.add(answer, to: 1)
        #expect(cache.count == 0)
        #expect(cache.standing(of: 1) == .seen)
        #expect(cache.standing(of: 2) == .new)
    }

    @Test("After the largest number they begin again")
    func beginsAgain() {
        var cache = AnswerCache()
        cache.add(answer, to: .max - 1)
        cache.add(answer, to: .max)
        #expect(cache.standing(of: 1) == .new)
        cache.add(answer, to: 1)
        #expect(cache.standing(of: .max) == .answered(answer))
        acknowledge(.max, in: &cache, isForwarded: false)
        #expect(cache.count == 1)
        #expect(cache.standing(of: 1) == .answered(answer))
        acknowledge(1, in: &cache, isForwarded: false)
        #expect(cache.count == 0)
    }

    @Test("What a client cannot have is for the program to refuse, and changes nothing")
    func acknowledgedTooEarly() {
        var cache = AnswerCache()
        cache.add(answer, to: 1)
        cache.leave(2)
        acknowledge(1_000, in: &cache, isForwarded: true)
        #expect(cache.standing(of: 1) == .answered(answer))
        acknowledge(2, in: &cache, isForwarded: true)
        acknowledge(2, in: &cache, isForwarded: false)
    }

    @Test("Each of many answers is found, also where the numbers begin again")
    func many() {
        var cache = AnswerCache()
        let ids = (0..<1_001).map { Int32.max - 1_000 + Int32($0) } + (1...1_000)
        for id in ids {
            if id % 3 == 0 { cache.leave(id) } else { cache.add(ByteBuffer(integer: id), to: id) }
        }
        for id in ids {
            #expect(cache.standing(of: id) == (id % 3 == 0 ? .seen : .answered(ByteBuffer(integer: id))))
        }
        #expect(cache.standing(of: 1_001) == .new)
    }

    private func acknowledge(
        _ id: Int32, in cache: inout AnswerCache, isForwarded: Bool, at location: SourceLocation = #_sourceLocation
    ) {
        let heard = cache.acknowledge(id)
        #expect(heard == isForwarded, sourceLocation: location)
    }
}
