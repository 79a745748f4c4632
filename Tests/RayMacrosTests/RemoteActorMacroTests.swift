//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import Testing

@Suite struct RemoteActorMacroTests {
    private let counter = """
        @RemoteActor actor Counter {
            private var n: Int
            init(start: Int) { n = start }
            func increment(by d: Int = 1) -> Int { n += d; return n }
            func reset() {}
            private func secret() {}
            @Local func shown() {}
            static func shared() {}
            nonisolated func kind() -> String { "" }
        }
        """

    @Test("An actor gets a handle and a factory") func shape() {
        let expansion = Expansion(counter)
        #expect(expansion.messages.isEmpty)
        #expect(
            expansion.lines(with: "func increment(by d") == [
                "func increment(by d: Int = 1) -> Int { n += d; return n }",
                "func increment(by d: Int = 1) -> Ray::ObjectRef<Int> {",
                "func increment(by d: Ray::ObjectRef<Int>) -> Ray::ObjectRef<Int> {",
            ])
        #expect(
            expansion.lines(with: "func remote(") == [
                "func remote(start: Int) -> Handle {", "func remote(start: Ray::ObjectRef<Int>) -> Handle {",
            ])
        #expect(expansion.text.contains("extension Counter: nonisolated Ray::ray.RemoteActor {"))
        #expect(expansion.text.contains("@discardableResult func reset() -> Ray::ObjectRef<Swift::Void> {"))
        #expect(expansion.text.contains("isConcurrent: false"))
    }

    @Test("Private, local and static methods stay out") func hidden() {
        let expansion = Expansion(counter)
        for name in ["secret", "shown", "shared"] {
            #expect(expansion.lines(with: "func \(name)(").count == 1)
            #expect(!expansion.text.contains("\"\(name)()"))
        }
    }

    @Test("Only isolated methods are awaited") func isolation() {
        let expansion = Expansion(counter)
        #expect(expansion.text.contains("return try _rayInvocation.results(await _raySelf.increment(by: _ray0))"))
        #expect(expansion.text.contains("return try _rayInvocation.results(_raySelf.kind())"))
        let plain = Expansion("@RemoteActor(.concurrent) final class C { func f() -> Int { 1 }; func g() async {} }")
        #expect(plain.text.contains("return try _rayInvocation.results(_raySelf.f())"))
        #expect(plain.text.contains("await _raySelf.g()"))
        #expect(plain.text.contains("isConcurrent: true"))
        #expect(plain.lines(with: "func remote(") == ["func remote() -> Handle {"])
    }

    @Test("Synchronous calls may run beside each other where state is guarded") func parallelCalls() {
        let method = "{ func f() -> Int { 1 }; func g() async {}; init() {} }"
        for type in ["Sendable", "@unchecked Sendable", "P, Swift.Sendable"] {
            let expansion = Expansion("@RemoteActor final class C: \(type) \(method)")
            #expect(expansion.text.contains("entry: .parallel({"), "\(type)")
            #expect(expansion.lines(with: "entry: .asynchronous({").count == 1)
            #expect(expansion.lines(with: "entry: .synchronous({").count == 1, "The initialiser runs alone.")
        }
        for type in ["final class C", "final class C: P", "@MainActor final class C: Sendable"] {
            #expect(!Expansion("@RemoteActor \(type) \(method)").text.contains(".parallel"), "\(type)")
        }
        let isolated = Expansion("@RemoteActor actor A { func f() {}; nonisolated func g() -> Int { 1 } }")
        #expect(isolated.lines(with: "entry: .parallel({").count == 1)
        #expect(isolated.lines(with: "entry: .asynchronous({").count == 1)
    }

    @Test("Methods count in groups that the actor names") func groups() {
        let expansion = Expansion(
            """
            @RemoteActor(.concurrent, groups: ["io": 2]) actor A {
                @ConcurrencyGroup("io") func read() {}
                func other() {}
            }
            """)
        #expect(expansion.messages.isEmpty)
        #expect(expansion.text.contains("isConcurrent: true, groups: [\"io\": 2])"))
        #expect(expansion.lines(with: "concurrencyGroup: \"io\"").count == 1)
        let unknown = Expansion("@RemoteActor actor A { @ConcurrencyGroup(\"io\") func read() {} }")
        #expect(
            unknown.messages == [
                "'read' cannot be in the concurrency group \"io\" because '@RemoteActor' does not name it; write "
                    + "'@RemoteActor(.concurrent, groups: [\"io\": 2])'"
            ])
    }

    @Test(
        "What cannot be a remote actor is refused",
        arguments: [
            ("@RemoteActor struct T {}", "'@RemoteActor' can be put on an actor or a final class only"),
            (
                "@RemoteActor class T {}",
                "'T' cannot be a remote actor because it is a class that is not final; write 'final class T'"
            ),
            (
                "@RemoteActor actor T<E> {}",
                "'T' cannot be a remote actor because it is generic: a worker looks types up by name; write one type for "
                    + "each argument"
            ),
            (
                "func g() { @RemoteActor actor T {} }",
                "'T' cannot be a remote actor because it is declared inside other code, which a worker does not run; move "
                    + "it to file scope"
            ),
            (
                "@RemoteActor actor T { init?() {} }",
                "a remote actor cannot have an initialiser that returns nil; throw an error instead, or mark the "
                    + "initialiser '@Local'"
            ),
            (
                "@RemoteActor actor T { func f(_ x: inout Int) {} }",
                "'f' cannot be remote because 'x' is 'inout': the worker has a copy of the argument; return the new value "
                    + "instead"
            ),
        ]) func refusals(source: String, message: String)
    {
        #expect(Expansion(source).messages == [message])
    }

    @Test("@Remote on a method of a remote actor changes nothing") func remoteInside() {
        let expansion = Expansion("@RemoteActor actor T { @Remote func f() {} }")
        #expect(expansion.messages.isEmpty)
        #expect(!expansion.text.contains("callAsFunction"))
    }
}
