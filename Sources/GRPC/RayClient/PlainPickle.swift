//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import NIOCore

/// Translates between the pickles of Ray Client and what the object store keeps, without Python, for plain values.
///
/// These are None, truth values, whole numbers of 64 bits, floats, text, bytes, and lists and dicts of these. Everything
/// else (tuples, sets, objects, references, what is in a value twice) is left to Python: then there is no answer.
package enum PlainPickle {
    /// Larger ones are left to Python.
    private static let sizeMax = 64 << 20

    /// The value of a pickle; nothing if it is not plain, not whole or nested deeper than 64.
    package static func value(of pickle: ByteBuffer) -> PlainValue? {
        guard let reader = read(pickle), let value = reader.stack.first, value.kind != .tuple else { return nil }
        return reader.value(of: value)
    }

    /// The arguments in a pickle of `(args, kwargs)`; nothing if one is not plain or goes by its name.
    package static func arguments(of pickle: ByteBuffer) -> [PlainValue]? {
        guard let reader = read(pickle), reader.stack.first?.kind == .tuple, let call = reader.tuples.last,
            call.count == 2, reader.isEmpty(call[1], .map)
        else { return nil }
        if reader.isEmpty(call[0], .list) { return [] }
        guard call[0].kind == .tuple else { return nil }
        // Each reaches to where the next begins, the last to the empty dict.
        let arguments = reader.tuples[0]
        let ends = arguments.dropFirst() + [call[1]]
        return zip(arguments, ends).map { reader.value(of: $0, before: $1) }
    }

    /// The pickle of a list of values; nothing if one is not MessagePack, or is not plain.
    package static func list(of values: [PlainValue]) -> ByteBuffer? {
        guard values.reduce(0, { $0 + $1.byteCount }) <= sizeMax else { return nil }
        var writer = PickleWriter()
        return writer.writeList(values) ? writer.pickle : nil
    }

    /// The pickle of a value; nothing if it is not MessagePack, or is not plain.
    package static func pickle(of value: PlainValue) -> ByteBuffer? {
        guard value.byteCount <= sizeMax else { return nil }
        var writer = PickleWriter()
        return writer.write(value) ? writer.pickle : nil
    }

    private static func read(_ pickle: ByteBuffer) -> PickleReader? {
        guard pickle.readableBytes <= sizeMax else { return nil }
        var reader = PickleReader(pickle)
        return reader.read() ? reader : nil
    }
}
