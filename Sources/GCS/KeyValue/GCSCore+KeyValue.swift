//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore
internal import RayWire

extension GCSCore {
    mutating func keyValue(
        _ request: KeyValueRequest, _ sender: Sender, at now: Instant, into effects: inout GCSEffects
    ) {
        defer { keyTouched(request, sender, at: now) }
        let key = Key(bytes: request.key)
        var reply = KeyValueReply(keys: [], count: 0)
        switch request.operation {
        case .get:
            reply.value = value(key, in: request.namespace)
            reply.count = reply.value == nil ? 0 : 1
        case .exists:
            reply.count = value(key, in: request.namespace) == nil ? 0 : 1
        case .put:
            let isKnown = value(key, in: request.namespace) != nil
            if let error = flaw(of: request, isKnown: isKnown) {
                return answer(.done(Done(error: error)), sender, into: &effects)
            }
            if (!isKnown || request.overwrite) && !isLate(key, in: request.namespace) {
                reply.count = keyValues.set(request.value, key, in: request.namespace) ? 1 : 0
                if settings.isDurable { unsaved.append(.keyValue(key, in: request.namespace, request.value)) }
            }
        case .delete:
            reply.count = removeValue(of: key, in: request.namespace) ? 1 : 0
        case .keys:
            reply.keys = keyValues.keys(prefix: request.key, in: request.namespace)
            reply.count = reply.keys.count
            guard reply.keys.reduce(0, { $0 + $1.bytes.count + 8 }) <= GCSLimits.keysReplyBytesMax else {
                let error = RayError(.invalidArgument, "too many keys begin so; ask for a longer prefix")
                return answer(.done(Done(error: error)), sender, into: &effects)
            }
        }
        answer(.keyValueReply(reply), sender, into: &effects)
    }

    /// Removes a key, for good where the head is durable; whether it was there.
    mutating func removeValue(of key: Key, in namespace: String) -> Bool {
        guard keyValues.remove(key, in: namespace) else { return false }
        if settings.isDurable { unsaved.append(.keyValue(key, in: namespace, nil)) }
        return true
    }

    /// The value of a key; nothing if it is the name of a package that the archive has lost.
    private func value(_ key: Key, in namespace: String) -> [UInt8]? {
        if namespace.isEmpty, let hash = archivedContent(of: key), files[hash]?.isStored != true { return nil }
        return keyValues.value(key, in: namespace)
    }

    private func flaw(of request: KeyValueRequest, isKnown: Bool) -> RayError? {
        guard request.key.count <= Limits.nameBytesMax, request.namespace.utf8.count <= Limits.nameBytesMax else {
            return RayError(.invalidArgument, "a key or namespace has at most \(Limits.nameBytesMax) bytes")
        }
        guard request.value.count <= GCSLimits.valueBytesMax else {
            return RayError(
                .invalidArgument, "a value has at most \(GCSLimits.valueBytesMax) bytes; put large data as an object")
        }
        if SharedFile.isPackage(request), let content = ArchivedPackage(value: request.value),
            files[content.hash]?.isStored != true
        {
            return RayError(.notFound, "the head's archive does not have package \(content.hash); send it again")
        }
        let bytes = keyValues.byteCount + request.key.count + request.value.count
        guard bytes <= GCSLimits.keyValueBytesMax, isKnown || keyValues.keyCount < GCSLimits.keysMax else {
            return RayError(.outOfMemory, "the key-value store is full; delete keys that are not needed")
        }
        return nil
    }
}
