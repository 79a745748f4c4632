//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import CRayGRPC
internal import NIOCore
internal import Synchronization

/// The runtime of this process, by the functions that it has given to Python.
///
/// Unchecked: the functions are constant, and may be called on any thread.
final class CoreRuntime: ClientRuntime, @unchecked Sendable {
    /// A template that the runtime has lent.
    ///
    /// Unchecked: it is only carried.
    final class Template: @unchecked Sendable {
        let pointer: UnsafeMutableRawPointer
        private let runtime: CoreRuntime

        init(_ pointer: UnsafeMutableRawPointer, of runtime: CoreRuntime) {
            runtime.functions.retain(pointer)
            self.pointer = pointer
            self.runtime = runtime
        }

        deinit { runtime.functions.release(pointer) }
    }

    private let functions: ray_grpc_runtime

    init(_ functions: ray_grpc_runtime) { self.functions = functions }

    func submit(_ call: LearnedCall, _ arguments: [PlainValue]) -> [ObjectKey]? {
        guard let template = call.template as? Template else { return nil }
        return withUnsafeTemporaryAllocation(
            byteCount: max(1, call.resultsMax) * ObjectKey.byteCount, alignment: 1
        ) { results in
            let made = withStored(arguments) { arguments in
                withBytes(of: call.actor) { actor in
                    functions.submit(
                        template.pointer, actor, arguments.baseAddress, arguments.count, results.baseAddress,
                        call.resultsMax)
                }
            }
            guard made >= 0 else { return nil }
            return (0..<made).map { index in
                ObjectKey(bytes: UnsafeRawBufferPointer(rebasing: results[(index * ObjectKey.byteCount)...]))
            }
        }
    }

    func put(_ value: PlainValue) -> ObjectKey? {
        withUnsafeTemporaryAllocation(byteCount: ObjectKey.byteCount, alignment: 1) { object in
            let status = withStored([value]) { functions.put($0.baseAddress, object.baseAddress) }
            return status < 0 ? nil : ObjectKey(bytes: UnsafeRawBufferPointer(object))
        }
    }

    func room(byteCount: Int, metadata: ByteBuffer) -> (any ClientRoom)? {
        var room: UnsafeMutableRawPointer?
        let status = metadata.withUnsafeReadableBytes { metadata in
            functions.create(byteCount, ray_grpc_bytes(data: metadata.baseAddress, count: metadata.count), &room)
        }
        guard status >= 0, let room else { return nil }
        return CoreRoom(room, byteCount: byteCount, of: functions)
    }

    func retain(_ id: ObjectKey) -> Bool { id.withBytes { functions.add_reference($0.baseAddress) } != 0 }

    func release(_ id: ObjectKey) { id.withBytes { functions.remove_reference($0.baseAddress) } }

    func get(
        _ ids: [ObjectKey], milliseconds: Int64, arrays: String?, _ done: @escaping @Sendable (FetchedValues?) -> Void
    ) {
        let fetch = Fetch(count: ids.count, of: functions, arrays: arrays, done)
        let context = Unmanaged.passRetained(fetch).toOpaque()
        var bytes = ByteBuffer()
        for id in ids { id.withBytes { _ = bytes.writeBytes($0) } }
        var request: UnsafeMutableRawPointer?
        let status = bytes.withUnsafeReadableBytes { ids in
            functions.get(
                ids.baseAddress, fetch.count, milliseconds,
                { context in context.map { Unmanaged<Fetch>.fromOpaque($0).takeRetainedValue().arrived() } }, context,
                &request)
        }
        fetch.began(request)
        if status <= 0 { Unmanaged<Fetch>.fromOpaque(context).takeRetainedValue().arrived() }
    }

    /// Has the runtime read values as they are to be stored.
    private func withStored<Result>(
        _ values: [PlainValue], _ body: (UnsafeBufferPointer<ray_grpc_value>) -> Result
    ) -> Result {
        var block = ByteBuffer()
        let sizes = values.map { value in
            var (data, metadata) = value.stored
            return (data: block.writeBuffer(&data), metadata: block.writeBuffer(&metadata))
        }
        return block.withUnsafeReadableBytes { block in
            var start = block.baseAddress
            func next(_ size: Int) -> ray_grpc_bytes {
                defer { start = start.map { $0 + size } }
                return ray_grpc_bytes(data: start, count: size)
            }
            return sizes.map { ray_grpc_value(data: next($0.data), metadata: next($0.metadata)) }
                .withUnsafeBufferPointer(body)
        }
    }
}

private func withBytes<Result>(of buffer: ByteBuffer?, _ body: (UnsafeRawPointer?) -> Result) -> Result {
    buffer.map { $0.withUnsafeReadableBytes { body($0.baseAddress) } } ?? body(nil)
}
