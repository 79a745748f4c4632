//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import Ray

@Remote
func square(_ number: Int) -> Int { number * number }

@RemoteActor
actor Counter {
    private var count: Int

    init(start: Int) { count = start }

    func increment(by amount: Int = 1) -> Int {
        count += amount
        return count
    }
}

@main
struct Program {
    static func main() async throws {
        try await ray.init()

        // Tasks run in other processes; a reference stands for a result that may not be there yet.
        let squares = (0..<4).map { ray.remote(square)($0) }
        print(try await ray.get(squares))

        // A value is put once and used by as many calls as you like; a reference is an argument like any other.
        let seven = try ray.put(7)
        print(try await ray.get(ray.remote(square)(seven)))

        // An actor keeps its state in a process of its own and takes calls in order.
        let counter = ray.remote(Counter.self).remote(start: 1)
        _ = counter.increment()
        print(try await ray.get(counter.increment(by: 5)))

        await ray.shutdown()
    }
}
