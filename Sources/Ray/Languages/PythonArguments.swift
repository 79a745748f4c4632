//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore
internal import RayWorker

extension ray {
    /// An argument of a call of Python: a value of the kinds that MessagePack has, an array of numbers, or an
    /// `ObjectRef`.
    public typealias PythonArgument = (any Encodable & Sendable)?
}

/// A reference whose type does not matter.
private protocol AnyObjectRef {
    var storage: ObjectRefStorage { get }
}

extension ObjectRef: AnyObjectRef {}

extension ray._Arguments {
    /// The arguments of a call of Python, those with a name behind the others, after what is for its task loop.
    init(
        python arguments: [(key: String, value: ray.PythonArgument)], extras: [MessagePackValue.Pair] = []
    ) {
        self.init(count: arguments.count + 1)
        let names = arguments.map(\.key).filter { !$0.isEmpty }
        var extras = extras
        if !names.isEmpty {
            extras.append(.init(.string("keywords"), .array(names.map { .string($0) })))
        }
        let positional = arguments.prefix { $0.key.isEmpty }
        if positional.count != arguments.count - names.count || Set(names).count != names.count {
            fail(
                RayError(
                    .invalidArgument, "arguments without a name stand before those with one, and each name once"))
        }
        if !extras.isEmpty { append(extras: .map(extras)) }
        for (index, argument) in arguments.enumerated() { append(python: argument.value, number: index + 1) }
    }

    private mutating func append(extras: MessagePackValue) {
        do throws(RayError) {
            try append(PortableCoder.object(extras, metadata: ObjectMetadata.extras))
        } catch {
            fail(error)
        }
    }

    private mutating func append(python value: ray.PythonArgument, number: Int) {
        guard failure == nil else { return }
        do {
            guard let value else { return try append(PortableCoder.encode(String?.none)) }
            if let reference = value as? any AnyObjectRef {
                if let failure = reference.storage.failure { return fail(failure) }
                return append(reference.storage)
            }
            try append(portable: value)
        } catch let error as CodingFailure {
            fail(
                RayError(
                    .invalidArgument,
                    "argument \(number) of type \(value.map { "\(type(of: $0))" } ?? "nil") cannot be sent to Python: "
                        + error.description))
        } catch {
            fail(.encoding(error, "argument \(number)"))
        }
    }

    private mutating func append<Value: Encodable>(portable value: Value) throws {
        // Bytes go as they are; other numbers are written into the store by one copy.
        if Value.self != [UInt8].self, let storage = try Store.putNumbers(value, worker: try worker.get()) {
            return append(storage)
        }
        try append(try PortableCoder.encode(value))
    }
}
