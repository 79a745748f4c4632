//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import CRayGRPC
internal import NIOCore
internal import Synchronization

/// Objects that the runtime fetches; the end may come before its beginning is told.
///
/// Unchecked: the functions are constant, and may be called on any thread.
final class Fetch: @unchecked Sendable {
    private struct State {
        /// Where the request is; 0 if the runtime has refused.
        var request: UInt = 0
        /// What is still to come: word of the beginning, and of the end.
        var missing = 2
    }

    /// Several values that are larger in all are left to the program, which sends them in parts.
    private static let bytesMax = 1 << 20
    /// How many objects they are.
    let count: Int
    private let functions: ray_grpc_runtime
    private let arrays: String?
    private let done: @Sendable (FetchedValues?) -> Void
    private let state = Mutex(State())

    init(
        count: Int, of functions: ray_grpc_runtime, arrays: String?,
        _ done: @escaping @Sendable (FetchedValues?) -> Void
    ) {
        self.arrays = arrays
        self.count = count
        self.functions = functions
        self.done = done
    }

    /// The runtime has begun, or refused: then there is no request.
    func began(_ request: UnsafeMutableRawPointer?) {
        let address = UInt(bitPattern: request)
        heard { $0.request = address }
    }

    /// The objects are there, or will not be.
    func arrived() { heard { _ in } }

    private func heard(_ note: (inout State) -> Void) {
        let isLast = state.withLock { state in
            note(&state)
            state.missing -= 1
            return state.missing == 0
        }
        if isLast { end() }
    }

    private func end() {
        guard let request = UnsafeMutableRawPointer(bitPattern: state.withLock { $0.request }) else { return done(nil) }
        let values = take(request)
        functions.drop(request)
        done(values)
    }

    private func take(_ request: UnsafeMutableRawPointer) -> FetchedValues? {
        var stored = [ray_grpc_value](repeating: ray_grpc_value(), count: count)
        var owners = [UnsafeMutableRawPointer?](repeating: nil, count: count)
        let errors = functions.take(request, &stored, &owners, count)
        defer { for case let owner? in owners { functions.release(owner) } }
        guard errors == 0 else { return nil }
        if let values = plain(stored) { return .plain(values) }
        guard count == 1, let owner = owners[0] else { return nil }
        return large(stored[0], owner).map { .large($0) }
    }

    private func plain(_ stored: [ray_grpc_value]) -> [PlainValue]? {
        let size = stored.reduce(0) { $0 + $1.data.count + $1.metadata.count }
        guard size <= Self.bytesMax else { return nil }
        let values = stored.compactMap { value in
            PlainValue(data: ByteBuffer(bytes: value.data.buffer), metadata: ByteBuffer(bytes: value.metadata.buffer))
        }
        return values.count == count ? values : nil
    }

    private func large(_ value: ray_grpc_value, _ owner: UnsafeMutableRawPointer) -> LargeValue? {
        functions.retain(owner)
        let (functions, address) = (functions, UInt(bitPattern: owner))
        let object = LentBytes(value.data.buffer) { functions.release(UnsafeMutableRawPointer(bitPattern: address)) }
        return LargeValue(object, metadata: ByteBuffer(bytes: value.metadata.buffer), arrays: arrays)
    }
}
