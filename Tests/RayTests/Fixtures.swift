//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

public import Ray

@Remote func square(_ x: Int) -> Int { x * x }
@Remote func greet(_ name: String, times count: Int = 2) -> String { String(repeating: name, count: count) }
@Remote func nothing() {}
@Remote func divide(_ a: Int, by b: Int) -> (quotient: Int, remainder: Int) { (a / b, a % b) }
@Remote func five(a: Int, b: Int, c: Int, d: Int, e: Int = 5) -> Int { a + b + c + d + e }
@Remote func slow(_ x: Int) async -> Int {
    await Task.yield()
    return x + 1
}
@Remote func fails(_ code: Int) throws(FixtureError) -> Int { throw FixtureError(code: code) }
@Remote func failsLater(_ code: Int) async throws -> Int { throw FixtureError(code: code) }
@Remote func nested(_ code: Int) async throws -> Int { try await ray.get(ray.remote(fails)(code)) }
@Remote func over(_ x: Int) -> String { "Int" }
@Remote func over(_ x: String) -> String { "String" }
@Remote func total(_ list: [ObjectRef<Int>]) async throws -> Int { try await ray.get(list).reduce(0, +) }
@Remote func scale(_ numbers: [Float], _ factor: Float) -> [Float] { numbers.map { $0 * factor } }
@Remote private func hidden(in x: Int) -> Int { x }
/// A public function with a reserved word for a name.
@Remote public func `repeat`(_ x: Int?, any y: [String: Int]) -> Int { x ?? y.count }

func callHidden() -> ObjectRef<Int> { ray.remote(hidden)(in: 3) }

struct FixtureError: Error, Codable, Equatable { var code: Int }

enum Outer {
    static let base = 100
    struct Inner: Codable, Equatable { var value: Int }
    @Remote static func shifted(_ inner: Inner, by: Int = base) -> Inner { Inner(value: inner.value + by) }
}

extension Outer.Inner {
    @Remote static func copy(_ other: Self) -> Self { other }
}

@RemoteActor actor Counter {
    private var n: Int
    init(start: Int) { n = start }
    init() throws { throw FixtureError(code: 13) }
    func increment(by d: Int = 1) -> Int {
        n += d
        return n
    }
    func reset() { n = 0 }
    func both() async throws -> (Int, String) { (n, "\(n)") }
    nonisolated func kind() -> String { "counter" }
    @Local func shown() -> Int { n }
    private func secret() -> Int { n }
    /// Adds through another actor.
    func add(from other: Counter.Handle) async throws -> Int {
        n += try await ray.get(other.increment())
        return n
    }
    func waitForSelf(_ me: Counter.Handle) async throws -> Int { try await ray.get(me.increment()) }
}

/// A public class as a concurrent actor.
@RemoteActor(.concurrent) public final class Store2 {
    var items: [String: Int] = [:]
    /// Sets a value.
    public func set(_ key: String, _ value: Int) { items[key] = value }
    /// Gets a value.
    public func get(_ key: String) -> Int? { items[key] }
    func later(_ key: String) async throws -> Int? { items[key] }
}
