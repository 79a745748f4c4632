//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayWire

/// Keys and values in namespaces, with a bound on their bytes.
struct KeyValueTable: Sendable {
    private(set) var namespaces: [String: [Key: [UInt8]]] = [:]
    /// Bytes of all keys and values.
    private(set) var byteCount = 0
    private(set) var keyCount = 0

    func value(_ key: Key, in namespace: String) -> [UInt8]? { namespaces[namespace]?[key] }

    /// Sets a value; whether the key is new.
    mutating func set(_ value: [UInt8], _ key: Key, in namespace: String) -> Bool {
        let old = namespaces[namespace, default: [:]].updateValue(value, forKey: key)
        byteCount += value.count - (old?.count ?? -key.bytes.count)
        if old == nil { keyCount += 1 }
        return old == nil
    }

    /// Removes a key; whether it was there.
    mutating func remove(_ key: Key, in namespace: String) -> Bool {
        guard let old = namespaces[namespace]?.removeValue(forKey: key) else { return false }
        byteCount -= old.count + key.bytes.count
        keyCount -= 1
        if namespaces[namespace]?.isEmpty == true { namespaces[namespace] = nil }
        return true
    }

    /// The keys that begin with `prefix`, sorted. O(keys of the namespace).
    func keys(prefix: [UInt8], in namespace: String) -> [Key] {
        keys(in: namespace) { $0.bytes.starts(with: prefix) }
    }

    /// The keys that are wanted, sorted. O(keys of the namespace).
    func keys(in namespace: String, where isWanted: (Key) -> Bool) -> [Key] {
        (namespaces[namespace]?.keys.filter(isWanted) ?? [])
            .sorted { $0.bytes.lexicographicallyPrecedes($1.bytes) }
    }
}
