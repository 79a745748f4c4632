// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0

// What the files of `_native` share. All of them run under the interpreter's lock; types are made once per process.

#ifndef NATIVE_H
#define NATIVE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "swift_ray_native.h"

// HEADER_SIZE: the bytes before the msgpack part of an object, with its length.
enum { HEADER_SIZE = 9 };
enum { JOB_SIZE = 4, ACTOR_SIZE = 16, GROUP_SIZE = 18, TASK_SIZE = 24, UNIQUE_SIZE = 28, ALIGNMENT = 64 };

// An id of any class. `hash` is -1 until it is asked for.
typedef struct {
    PyObject_HEAD
    Py_hash_t hash;
    unsigned char size;
    unsigned char bytes[UNIQUE_SIZE];
} id_object;

// The types of the module, in the order of `swift_ray_id_kind`.
extern PyTypeObject *id_types[SWIFT_RAY_ID_COUNT];
extern PyTypeObject *base_id_type;
// The bytes of an id, by kind.
extern const unsigned char id_sizes[SWIFT_RAY_ID_COUNT];

// ids.c
PyObject *id_alloc(PyTypeObject *type, PyObject *arguments, PyObject *keywords);
PyObject *id_make(PyTypeObject *type, const unsigned char *bytes, Py_ssize_t size);
int id_assign(id_object *self, PyObject *bytes);
int id_kind(PyTypeObject *type);
bool id_is_exact(PyTypeObject *type);
bool id_is_nil(const id_object *self);
uint64_t murmur_hash(const unsigned char *bytes, size_t size);
PyObject *hex_string(const unsigned char *bytes, Py_ssize_t size);
PyObject *id_from_random(PyTypeObject *type, int random, const unsigned char *tail);
const unsigned char *id_bytes_of(PyObject *object, swift_ray_id_kind kind);
extern PyType_Spec base_id_spec;
PyObject *id_binary(PyObject *object, PyObject *unused);
PyObject *id_hex(PyObject *object, PyObject *unused);
PyObject *id_test_nil(PyObject *object, PyObject *unused);
PyObject *id_set(PyObject *object, PyObject *bytes);
PyObject *id_nil(PyObject *type, PyObject *unused);
PyObject *id_size(PyObject *type, PyObject *unused);
PyObject *id_random(PyObject *type, PyObject *unused);
PyObject *id_from_hex(PyObject *type, PyObject *text);
PyObject *id_refuse_hex(PyObject *type, PyObject *text);
void id_dealloc(PyObject *object);

// Each file adds its types and functions to the module; 0, or -1 with an exception.
int add_ids(PyObject *module);
int add_object_ref(PyObject *module);
int add_buffers(PyObject *module);
int add_serialized(PyObject *module);
int add_descriptors(PyObject *module);

// Makes a type and adds it to the module under its own name.
PyTypeObject *add_type(PyObject *module, PyType_Spec *spec, PyTypeObject *base);

// object_ref.c
PyObject *object_ref_make(const unsigned char *id, const char *owner, Py_ssize_t owner_size, int is_counted);
PyObject *set_reference_functions(PyObject *module, PyObject *arguments);
PyObject *set_call_site_function(PyObject *module, PyObject *function);
PyObject *set_connection_check(PyObject *module, PyObject *function);
PyObject *object_ref_from_pickle(PyObject *module, PyObject *const *arguments, Py_ssize_t count);

// buffer.c
extern PyTypeObject *buffer_type;
PyObject *buffer_make(const void *data, size_t size, void (*release)(void *context), void *context);

// One out-of-band buffer as it is described in an object.
struct buffer_record {
    uint64_t address;
    uint64_t length;
    uint64_t item_size;
    uint32_t dimensions;
    bool is_read_only;
    const unsigned char *format;
    size_t format_size;
    const unsigned char *shape;
    size_t shape_size;
    const unsigned char *strides;
    size_t strides_size;
};

// sub_buffer.c
extern PyTypeObject *sub_buffer_type;
PyTypeObject *make_sub_buffer_type(PyObject *module);
// A part of `parent`, an exporter of bytes.
// The record's pointers need only live until this returns.
PyObject *sub_buffer_make(PyObject *parent, const unsigned char *data, const struct buffer_record *record);

// unpack.c
int64_t packed_length(const unsigned char *bytes, Py_ssize_t size);
PyObject *split_buffer(PyObject *module, PyObject *buffer);
PyObject *unpack_pickle5_buffers(PyObject *module, PyObject *view);

// pickle5.c
extern PyTypeObject *writer_type;
PyTypeObject *make_writer_type(PyObject *module);
Py_ssize_t writer_total(PyObject *writer, Py_ssize_t in_band);
void writer_close(PyObject *writer);
void writer_write(PyObject *writer, const unsigned char *in_band, Py_ssize_t in_band_size, unsigned char *memory);
void copy_bytes(unsigned char *target, const void *source, size_t size);

// serialized.c
Py_ssize_t serialized_size(PyObject *object);
int serialized_write(PyObject *object, void *memory);
int serialized_write_aligned(PyObject *object, void *memory);
PyObject *serialize_plain(PyObject *module, PyObject *value);

// process_title.c
PyObject *write_process_title(PyObject *module, PyObject *title);

// msgpack.c
PyObject *pack(PyObject *module, PyObject *arguments);
PyObject *pack_plain(PyObject *module, PyObject *value);

// msgpack_read.c
PyObject *unpack(PyObject *module, PyObject *arguments);
PyObject *plain_values(PyObject *module, PyObject *objects);
int is_plain(const char *metadata, size_t size);
PyObject *plain_value(const void *data, size_t size, const char *metadata, size_t metadata_size);

#endif
