//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore
internal import RayWorker

extension ray {
    /// Waits for a value and fetches it.
    ///
    /// - Parameter timeout: how long to wait; without limit if nil.
    /// - Throws: `ray.TaskError` if the task threw, `ray.SystemError` if it could not run, its value was lost, or
    ///   the time is over (`.getTimeout`).
    public static nonisolated(nonsending) func get<Value: Decodable>(
        _ reference: ObjectRef<Value>, timeout: Duration? = nil
    ) async throws -> Value {
        let objects = try await Fetch.objects([reference.storage], timeout: timeout)
        guard let object = objects.first else { throw SystemError.system("an object is missing from a get") }
        return try decode(Value.self, object, reference.storage)
    }

    /// Waits for a task that returns nothing.
    public static nonisolated(nonsending) func get(
        _ reference: ObjectRef<Void>, timeout: Duration? = nil
    ) async throws {
        _ = try await Fetch.objects([reference.storage], timeout: timeout)
    }

    /// Waits for all values and fetches them, in order; throws the first error among them.
    public static nonisolated(nonsending) func get<Value: Decodable>(
        _ references: [ObjectRef<Value>], timeout: Duration? = nil
    ) async throws -> [Value] {
        let objects = try await Fetch.objects(references.map(\.storage), timeout: timeout)
        return try zip(objects, references).map { try decode(Value.self, $0, $1.storage) }
    }

    /// Waits for all tasks; throws the first error among them.
    public static nonisolated(nonsending) func get(
        _ references: [ObjectRef<Void>], timeout: Duration? = nil
    ) async throws {
        _ = try await Fetch.objects(references.map(\.storage), timeout: timeout)
    }

    /// Waits for values of different types: `let (sums, name) = try await ray.get(sumRefs, nameRef)`.
    public static nonisolated(nonsending) func get<First: Gettable, Second: Gettable, each Rest: Gettable>(
        _ first: First, _ second: Second, _ rest: repeat each Rest, timeout: Duration? = nil
    ) async throws -> (First.Value, Second.Value, repeat (each Rest).Value) {
        var list = _GetList()
        first._collect(into: &list)
        second._collect(into: &list)
        for reference in repeat each rest { reference._collect(into: &list) }
        list.objects = try await Fetch.objects(list.storages, timeout: timeout)
        return (
            try first._take(from: &list), try second._take(from: &list),
            repeat try (each rest)._take(from: &list)
        )
    }

    /// Waits for the values of a function that returns a pair.
    public static nonisolated(nonsending) func get<First: Gettable, Second: Gettable>(
        _ references: (First, Second), timeout: Duration? = nil
    ) async throws -> (First.Value, Second.Value) {
        try await get(references.0, references.1, timeout: timeout)
    }

    /// Waits for the values of a function that returns three.
    public static nonisolated(nonsending) func get<First: Gettable, Second: Gettable, Third: Gettable>(
        _ references: (First, Second, Third), timeout: Duration? = nil
    ) async throws -> (First.Value, Second.Value, Third.Value) {
        try await get(references.0, references.1, references.2, timeout: timeout)
    }

    /// Waits for the values of a function that returns four.
    public static nonisolated(nonsending) func get<
        First: Gettable, Second: Gettable, Third: Gettable, Fourth: Gettable
    >(
        _ references: (First, Second, Third, Fourth), timeout: Duration? = nil
    ) async throws -> (First.Value, Second.Value, Third.Value, Fourth.Value) {
        try await get(references.0, references.1, references.2, references.3, timeout: timeout)
    }

    /// Waits until `count` of the values exist, or failed.
    ///
    /// - Returns: the first `count` of those that are ready, and the others; both in the order given.
    /// - Throws: `ray.SystemError` if an argument makes no sense.
    public static nonisolated(nonsending) func wait<Value>(
        _ references: [ObjectRef<Value>], count: Int = 1, timeout: Duration? = nil
    ) async throws -> (ready: [ObjectRef<Value>], unready: [ObjectRef<Value>]) {
        guard count >= 1, count <= references.count else {
            throw SystemError.invalidArgument(
                "count must be from 1 to the number of references (\(references.count)), not \(count)")
        }
        // A call that could not be submitted is ready: get throws at once.
        let submitted = references.filter { $0.storage.failure == nil }
        let missing = count - (references.count - submitted.count)
        var flags: [Bool] = []
        if missing > 0, let worker = submitted.first?.storage.worker {
            let deadline = try Fetch.deadline(timeout, worker)
            flags = try await CancellableWait.run { completion in
                worker.wait(
                    submitted.map(\.storage.reference), count: missing, deadline: deadline,
                    from: TaskContext.current?.task, completion: completion)
            }
            // The runtime has ended.
            guard !flags.isEmpty else { throw SystemError(.runtimeEnded) }
        }
        var next = 0
        var ready: [ObjectRef<Value>] = []
        var unready: [ObjectRef<Value>] = []
        for reference in references {
            var isReady = true
            if reference.storage.failure == nil {
                isReady = next < flags.count && flags[next]
                next += 1
            }
            if isReady, ready.count < count { ready.append(reference) } else { unready.append(reference) }
        }
        return (ready, unready)
    }
}
