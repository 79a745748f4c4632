//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import Ray

@Remote func length(of text: String, times: Int) -> Int { text.count * times }

@Remote func nothing(_ number: Int) {}

@RemoteActor actor Adder {
    init(start: Int) {}
    func add(_ number: Int) -> Int { number }
}

func accepted(_ text: ObjectRef<String>, _ number: ObjectRef<Int>) async throws {
    let first: ObjectRef<Int> = ray.remote(length)(of: "text", times: 2)
    let second: ObjectRef<Int> = ray.remote(length)(of: text, times: 2)
    let third: ObjectRef<Int> = ray.remote(length)(of: "text", times: first)
    let fourth: ObjectRef<Int> = ray.remote(length)(of: text, times: second)
    ray.remote(nothing)(third)
    let adder = ray.remote(Adder.self).remote(start: number)
    let sums: [Int] = try await ray.get([adder.add(1), adder.add(fourth)])
    _ = sums
}

func refused(_ text: ObjectRef<String>, _ adder: Adder.Handle) async throws {
    // error: ambiguous use of 'nothing'
    ray.remote(nothing)(text)

    // error: ambiguous use of 'nothing'
    ray.remote(nothing)("one")

    // error: ambiguous use of 'length'
    _ = ray.remote(length)(of: 1, times: 2)

    // error: ambiguous use of 'length'
    _ = ray.remote(length)(of: text)

    // error: cannot convert value of type 'ObjectRef<String>' to expected argument type 'ObjectRef<Int>'
    _ = ray.remote(Adder.self).remote(start: text)

    // error: cannot convert value of type 'ObjectRef<String>' to expected argument type 'ObjectRef<Int>'
    _ = adder.add(text)

    // error: cannot convert value of type 'Int' to specified type 'String'
    let wrong: String = try await ray.get(adder.add(1))
}
