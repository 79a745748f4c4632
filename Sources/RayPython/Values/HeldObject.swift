//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import CRayPython
internal import RayCore
internal import RayWorker

/// Keeps the bytes of a fetched object, or the description of an error, where Python can read them.
///
/// Unchecked: everything is constant.
final class HeldObject: @unchecked Sendable {
    /// Values that Python reads must begin at a multiple of 64 (its arrays lie at such addresses).
    private static let alignment = 64

    private let object: (any FetchedObject)?
    /// Memory of our own: the metadata, and the data unless it lies well where it is.
    private let block: UnsafeMutableRawBufferPointer
    let data: ray_python_bytes
    let metadata: ray_python_bytes
    let isError: Bool

    init(_ result: Result<any FetchedObject, RayError>) {
        switch result {
        case .success(let object):
            self.object = object
            isError = false
            let lent = object.withBytes { $0 }
            // In the node's store it neither moves nor changes while `object` lives.
            let isInPlace = Int(bitPattern: lent.baseAddress).isMultiple(of: Self.alignment) && lent.count > 0
            block = Self.block(data: isInPlace ? nil : lent, metadata: object.metadata)
            let copied = isInPlace ? 0 : lent.count
            data = ray_python_bytes(
                data: isInPlace ? lent.baseAddress : UnsafeRawPointer(block.baseAddress), count: lent.count)
            metadata = ray_python_bytes(
                data: block.baseAddress.map { UnsafeRawPointer($0 + copied) }, count: object.metadata.count)
        case .failure(let error):
            object = nil
            isError = true
            let bytes = error.messagePack.encoded
            block = bytes.withUnsafeBytes { Self.block(data: $0, metadata: []) }
            data = ray_python_bytes(data: UnsafeRawPointer(block.baseAddress), count: bytes.count)
            metadata = ray_python_bytes(data: nil, count: 0)
        }
    }

    deinit { block.deallocate() }

    private static func block(data: UnsafeRawBufferPointer?, metadata: [UInt8]) -> UnsafeMutableRawBufferPointer {
        let count = data?.count ?? 0
        let block = UnsafeMutableRawBufferPointer.allocate(
            byteCount: max(1, count + metadata.count), alignment: alignment)
        if let data { block.copyMemory(from: data) }
        UnsafeMutableRawBufferPointer(rebasing: block[count...]).copyBytes(from: metadata)
        return block
    }
}

extension ray_python_object {
    /// An object for Python; its owner must be released.
    init(_ result: Result<any FetchedObject, RayError>) {
        let held = HeldObject(result)
        self.init(
            data: held.data, metadata: held.metadata, owner: Unmanaged.passRetained(held).toOpaque(),
            is_error: held.isError ? 1 : 0)
    }
}
