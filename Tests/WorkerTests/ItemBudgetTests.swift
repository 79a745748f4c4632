//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import RayCore
import RayWorker
import Testing

@Suite struct ItemBudgetTests {
    private let reader = WorkerID(1, 0, 0, 0)
    private let other = WorkerID(2, 0, 0, 0)

    private func id(_ number: UInt64) -> TaskID { TaskID(number, .max, .max) }
    private func first(_ number: UInt64) -> ItemBudget.Try { .init(task: id(number), attempt: 0) }

    private func ask(
        _ budget: inout ItemBudget, _ number: UInt64, made: Int = 0, count: Int = 1, limit: Int = 2, token: UInt64 = 0
    ) -> Bool {
        budget.ask(.init(token: token, count: count, limit: limit), by: id(number), made: made, consumed: 0)
    }

    private func end(
        _ budget: inout ItemBudget, _ call: ItemBudget.Try, made: Int, isCallerLost: Bool = false
    ) -> Bool {
        budget.end(call, made: made, caller: reader, isCallerLost: isCallerLost)
    }

    @Test("Questions are answered in their order, as far as there is room")
    func order() {
        var budget = ItemBudget()
        #expect(ask(&budget, 1, count: 3) && budget.unread == 3)
        for number in UInt64(2)...4 { #expect(!ask(&budget, number, count: 2, token: number)) }
        budget.read(id(1), upTo: 1)
        #expect(budget.grants().isEmpty)
        budget.read(id(1), upTo: 2)
        #expect(budget.grants().map(\.token) == [2] && budget.unread == 3)
        budget.read(id(1), upTo: 3)
        #expect(budget.grants().isEmpty)
        budget.read(id(2), upTo: 1)
        #expect(budget.grants().map(\.token) == [3] && budget.grants().isEmpty)
    }

    @Test("What was granted and did not come is given back with the next question, and at the end")
    func unmade() {
        var budget = ItemBudget()
        #expect(ask(&budget, 1, count: 2))
        #expect(ask(&budget, 1, made: 1) && budget.unread == 2)
        #expect(!ask(&budget, 2, token: 7))
        #expect(end(&budget, first(1), made: 1) && budget.unread == 1)
        #expect(budget.grants().map(\.token) == [7])
    }

    @Test("What has ended counts as its owner says, never more than before, and nobody else has a say")
    func ended() {
        var budget = ItemBudget()
        #expect(ask(&budget, 1, count: 5))
        #expect(end(&budget, first(1), made: 4) && budget.unread == 4)
        budget.hear(9, of: first(1), from: reader)
        budget.hear(0, of: first(1), from: other)
        budget.hear(0, of: .init(task: id(1), attempt: 1), from: reader)
        #expect(budget.unread == 4)
        budget.hear(1, of: first(1), from: reader)
        budget.hear(3, of: first(1), from: reader)
        #expect(budget.unread == 1)
        budget.hear(0, of: first(1), from: reader)
        #expect(budget.unread == 0)
    }

    @Test("Nothing counts without a reader: of calls that have ended, end, or run")
    func withoutReader() {
        var budget = ItemBudget()
        #expect(ask(&budget, 1, limit: 9) && ask(&budget, 2, limit: 9) && ask(&budget, 3, limit: 9))
        #expect(end(&budget, first(1), made: 1))
        budget.callerLost(other)
        #expect(budget.unread == 3)
        budget.callerLost(reader)
        #expect(!end(&budget, first(2), made: 1, isCallerLost: true))
        budget.read(id(3), upTo: .max)
        #expect(budget.unread == 0)
        #expect(ask(&budget, 4, count: 9) && ask(&budget, 3), "it goes on to its end")
        #expect(!end(&budget, first(9), made: 1), "it has never asked")
    }

    @Test("A question that is withdrawn, or whose call ends, is not answered")
    func withdrawn() {
        var budget = ItemBudget()
        #expect(ask(&budget, 1, count: 2) && !ask(&budget, 2, token: 5) && !ask(&budget, 3, token: 6))
        #expect(budget.withdraw(id(2)) == 5 && budget.withdraw(id(2)) == nil && budget.withdraw(id(1)) == nil)
        #expect(!end(&budget, first(3), made: 0))
        budget.read(id(1), upTo: 2)
        #expect(budget.grants().isEmpty)
    }

    @Test("Whatever comes in whatever order, nothing counts and nobody waits when all have ended and are read")
    func random() {
        for seed in UInt64(1)...200 {
            var (random, budget) = (SplitMix64(seed: seed), ItemBudget())
            var made: [UInt64: Int] = [:]
            var open: Set<ItemBudget.Try> = []
            var waiting: Set<UInt64> = []
            func pick(_ count: UInt64) -> UInt64 { random.next() % count }
            for token in UInt64(1)...60 {
                let number = pick(4)
                switch pick(5) {
                case 0, 1:
                    guard !waiting.contains(number) else { continue }
                    let count = 1 + Int(pick(3))
                    if ask(&budget, number, made: made[number] ?? 0, count: count, token: token) {
                        made[number, default: 0] += Int(pick(UInt64(count) + 1))
                    } else {
                        waiting.insert(number)
                    }
                case 2: budget.read(id(number), upTo: Int(pick(6)))
                case 3:
                    let call = ItemBudget.Try(task: id(number), attempt: Int(token))
                    if end(&budget, call, made: made[number] ?? 0) { open.insert(call) }
                    (made[number], _) = (nil, waiting.remove(number))
                default: if let call = open.first { budget.hear(Int(pick(3)), of: call, from: reader) }
                }
                for (task, _) in budget.grants() {
                    waiting = waiting.filter { id($0) != task }
                }
                #expect(budget.unread >= 0)
            }
            for number in UInt64(0)..<4 {
                let call = ItemBudget.Try(task: id(number), attempt: 1_000)
                if end(&budget, call, made: made[number] ?? 0) { open.insert(call) }
            }
            for call in open { budget.hear(0, of: call, from: reader) }
            #expect(budget.unread == 0 && budget.grants().isEmpty, "seed \(seed)")
        }
    }
}
