//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import Testing

@Suite struct RemoteMacroTests {
    @Test("A function gets a callable struct, a record and a lookup") func shape() {
        let expansion = Expansion("@Remote func square(_ x: Int) -> Int { x * x }")
        #expect(expansion.messages.isEmpty)
        #expect(
            expansion.lines(with: "func callAsFunction") == [
                "func callAsFunction(_ x: Int) -> Ray::ObjectRef<Int> {",
                "func callAsFunction(_ x: Ray::ObjectRef<Int>) -> Ray::ObjectRef<Int> {",
            ])
        #expect(expansion.text.contains("@section(\"ray_remote\") @used static let _rayRecord0"))
        #expect(expansion.text.contains("kind: .function, className: \"\", function: \"square(_:)(Int)\""))
        #expect(expansion.text.contains("return try _rayInvocation.results(square(_ray0))"))
        #expect(expansion.text.contains("nonisolated func square(\n    _: Ray::ray.Lookup\n"))
        #expect(expansion.text.contains("file: \"Demo/Demo.swift\", line: 1"))
    }

    @Test("Up to four parameters every choice of values and references is an overload", arguments: 0...4)
    func combinations(count: Int) {
        let parameters = (0..<count).map { "p\($0): Int = \($0)" }.joined(separator: ", ")
        let expansion = Expansion("@Remote func f(\(parameters)) -> Int { 1 }")
        #expect(expansion.lines(with: "func callAsFunction").count == 1 << count)
    }

    @Test("From five parameters on there are two overloads") func argumentOverload() {
        let expansion = Expansion("@Remote func f(a: Int, _ b: Int, c d: Int, e: Int, f: Int = 2) {}")
        #expect(
            expansion.lines(with: "func callAsFunction") == [
                "@discardableResult func callAsFunction(a: Int, _ b: Int, c d: Int, e: Int, f: Int = 2) "
                    + "-> Ray::ObjectRef<Swift::Void> {",
                "@discardableResult @_disfavoredOverload func callAsFunction(a: Ray::ray.Argument<Int>, "
                    + "_ b: Ray::ray.Argument<Int>, c d: Ray::ray.Argument<Int>, e: Ray::ray.Argument<Int>, "
                    + "f: Ray::ray.Argument<Int> = .value(2)) -> Ray::ObjectRef<Swift::Void> {",
            ])
        #expect(expansion.text.contains("f(a: _ray0, _ray1, c: _ray2, e: _ray3, f: _ray4)"))
    }

    @Test("Effects decide how the worker runs the function") func effects() {
        #expect(Expansion("@Remote func f() throws -> Int { 1 }").text.contains("entry: .synchronous({"))
        let later = Expansion("@Remote func f() async throws(E) -> Int { 1 }")
        #expect(later.text.contains("entry: .asynchronous({"))
        #expect(later.text.contains("return try _rayInvocation.results(await f())"))
        #expect(Expansion("@MainActor @Remote func f() {}").text.contains("entry: .asynchronous({"))
    }

    @Test("A tuple gives a reference for each element") func tuples() {
        let expansion = Expansion("@Remote func f() -> (a: Int, [String]) { (1, []) }")
        #expect(
            expansion.lines(with: "func callAsFunction") == [
                "func callAsFunction() -> (a: Ray::ObjectRef<Int>, Ray::ObjectRef<[String]>) {"
            ])
        #expect(expansion.text.contains("returnCount: 2"))
    }

    @Test("A function that returns a stream is a generator") func generators() {
        let expansion = Expansion("@Remote func f(_ n: Int) throws -> AsyncThrowingStream<[Int], any Error> { g(n) }")
        #expect(
            expansion.lines(with: "func callAsFunction").first
                == "func callAsFunction(_ n: Int) -> Ray::ObjectRefStream<[Int]> {")
        #expect(expansion.text.contains("isGenerator: true"))
        #expect(expansion.text.contains("for try await _rayItem in try f(_ray0) {"))
        #expect(Expansion("@Remote func f() -> AsyncStream<Int> { g() }").text.contains("for await _rayItem in f() {"))
    }

    @Test("Access levels and static functions are kept") func access() {
        let expansion = Expansion("public struct T { @Remote public static func f(_ x: Self) -> Int { 1 } }")
        #expect(expansion.messages.isEmpty)
        #expect(
            expansion.lines(with: "func callAsFunction") == [
                "public func callAsFunction(_ x: T) -> Ray::ObjectRef<Int> {",
                "public func callAsFunction(_ x: Ray::ObjectRef<T>) -> Ray::ObjectRef<Int> {",
            ])
        #expect(expansion.text.contains("public nonisolated static func f("))
        #expect(expansion.text.contains("className: \"T\""))
        #expect(Expansion("@Remote private func f() {}").text.contains("nonisolated private struct"))
    }

    @Test("Overloads have names of their own") func overloads() {
        let expansion = Expansion("@Remote func f(_ x: Int) {}\n@Remote func f(_ x: String) {}")
        let structs = expansion.lines(with: ": Ray::ray._RemoteFunction {")
        #expect(structs.count == 2 && structs[0] != structs[1])
    }

    @Test(
        "What cannot be remote is refused with a reason and a remedy",
        arguments: [
            (
                "@Remote func f<T>(_ x: T) {}",
                "'f' cannot be remote because it is generic: a worker looks functions up by name and cannot choose the "
                    + "types; write one function for each type"
            ),
            (
                "@Remote func f(_ x: some Codable) {}",
                "'f' cannot be remote because it uses a 'some' type: a worker cannot know the type behind it; name the type"
            ),
            (
                "@Remote func f(_ x: inout Int) {}",
                "'f' cannot be remote because 'x' is 'inout': the worker has a copy of the argument; return the new value "
                    + "instead"
            ),
            (
                "@Remote func f(_ x: Int...) {}",
                "'f' cannot be remote because 'x' is variadic; take an array instead"
            ),
            (
                "@Remote func f(_ x: @escaping (Int) -> Int) {}",
                "'f' cannot be remote because it takes or returns a closure: code cannot be sent to another process; pass "
                    + "the data that the closure needs"
            ),
            (
                "@Remote func f() -> [() -> Int] { [] }",
                "'f' cannot be remote because it takes or returns a closure: code cannot be sent to another process; pass "
                    + "the data that the closure needs"
            ),
            (
                "@Remote func f(_ x: consuming File) {}",
                "'f' cannot be remote because 'x' is 'consuming': arguments are copied to another process, which a "
                    + "'~Copyable' value does not allow; take a copyable value"
            ),
            (
                "@Remote func f(_ x: any P & ~Copyable) {}",
                "'f' cannot be remote because 'x' is 'any P & ~Copyable': arguments are copied to another process, which "
                    + "a '~Copyable' value does not allow; take a copyable value"
            ),
            (
                "@Remote func f(_ x: isolated A) {}",
                "'f' cannot be remote because 'x' is 'isolated': an actor does not leave its process; use '@RemoteActor'"
            ),
            (
                "@Remote func f(_ x: Int) rethrows {}",
                "'f' cannot be remote because it is 'rethrows': there is no closure whose error it could pass on; use "
                    + "'throws'"
            ),
            (
                "func g() { @Remote func f() {} }",
                "'f' cannot be remote because it is declared inside other code, which a worker does not run; move it to "
                    + "file scope"
            ),
            (
                "struct T { @Remote func f() {} }",
                "'f' cannot be remote because it is an instance method of a type that is not a '@RemoteActor'; make it "
                    + "static, or put '@RemoteActor' on the type"
            ),
            (
                "struct T<E> { @Remote static func f() {} }",
                "'f' cannot be remote because the type around it is generic; move it to file scope"
            ),
            (
                "@Remote struct T {}",
                "'@Remote' can be put on functions only; for an actor or a final class use '@RemoteActor'"
            ),
        ]) func refusals(source: String, message: String)
    {
        #expect(Expansion(source).messages == [message])
    }

    @Test("Nothing in main.swift is remote", arguments: ["@Remote func f() {}", "@RemoteActor actor f {}"])
    func mainFile(source: String) {
        #expect(
            Set(Expansion(source, file: "main.swift").messages) == [
                "'f' cannot be remote because it is declared in main.swift, whose globals are not initialised in a worker; "
                    + "move it to another file"
            ])
    }
}
