// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0

// Tasks that this process runs.

#include "core.h"

#include <stdlib.h>
#include <string.h>

#define TASK_ID_SIZE 24

// A task that was fetched; `task` is NULL once it has ended, and `arguments` if there are none, or no longer.
typedef struct {
    PyObject_HEAD
    void *task;
    unsigned char id[TASK_ID_SIZE];
    PyObject *arguments;
    long call;
    long attempt;
} task_object;

static PyTypeObject *task_type;

static void task_dealloc(PyObject *object) {
    task_object *self = (task_object *)object;
    PyTypeObject *type = Py_TYPE(object);
    Py_CLEAR(self->arguments);
    if (self->task != NULL && !is_forked) {
        // Never: who fetches a task ends it. Its caller must not wait for ever if somebody forgets.
        static const char error[] = "\x82\xa4type\x03\xa7message\xb6the task was forgotten";
        ray_python_fail_task(self->task, (struct ray_python_bytes){error, sizeof error - 1});
    }
    freefunc release = PyType_GetSlot(type, Py_tp_free);
    release(object);
    Py_DECREF(type);
}

static PyObject *task_id(PyObject *self, void *ignored) {
    return PyBytes_FromStringAndSize((const char *)((task_object *)self)->id, TASK_ID_SIZE);
}
static PyObject *task_call(PyObject *self, void *ignored) { return PyLong_FromLong(((task_object *)self)->call); }
static PyObject *task_attempt(PyObject *self, void *ignored) { return PyLong_FromLong(((task_object *)self)->attempt); }
static PyObject *task_arguments(PyObject *self, void *ignored) {
    PyObject *arguments = ((task_object *)self)->arguments;
    return arguments == NULL ? PyList_New(0) : Py_NewRef(arguments);
}
static PyObject *task_has_arguments(PyObject *self, void *ignored) {
    return Py_NewRef(((task_object *)self)->arguments == NULL ? Py_False : Py_True);
}

static PyGetSetDef task_properties[] = {
    {"id", task_id, NULL, "Its id, 24 bytes.", NULL},
    {"call", task_call, NULL, "The same number for tasks with the same description.", NULL},
    {"attempt", task_attempt, NULL, "Which try this is, from 0.", NULL},
    {"arguments", task_arguments, NULL, "(Buffer, metadata, None) for each argument, until it has ended.", NULL},
    {"has_arguments", task_has_arguments, NULL, "Whether there are any.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot task_slots[] = {
    {Py_tp_doc, "A task that this process runs."},
    {Py_tp_dealloc, task_dealloc},
    {Py_tp_getset, task_properties},
    {0, NULL},
};

static PyType_Spec task_spec = {
    .name = "swift_ray._core.Task",
    .basicsize = sizeof(task_object),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = task_slots,
};

int add_task_type(PyObject *module) {
    task_type = (PyTypeObject *)PyType_FromSpec(&task_spec);
    return task_type == NULL ? -1 : PyModule_AddObjectRef(module, "Task", (PyObject *)task_type);
}

static PyObject *fetched_arguments(const struct ray_python_task *task) {
    PyObject *list = PyList_New((Py_ssize_t)task->argument_count);
    for (size_t index = 0; list != NULL && index < task->argument_count; index++) {
        struct ray_python_object object;
        PyObject *argument = NULL;
        if (ray_python_task_argument(task, index, &object) < 0) {
            raise_failure();
        } else {
            argument = incoming(&object);
        }
        if (argument == NULL || PyList_SetItem(list, (Py_ssize_t)index, argument) < 0) Py_CLEAR(list);
    }
    return list;
}

static PyObject *next_task(PyObject *module, PyObject *arguments) {
    int milliseconds, status;
    struct ray_python_task task = {0};
    if (!PyArg_ParseTuple(arguments, "i:next_task", &milliseconds)) return NULL;
    // One that is there already is taken without giving the lock away, for which other threads would make it wait.
    status = ray_python_next_task(0, &task);
    if (status == 0 && milliseconds > 0) {
        Py_BEGIN_ALLOW_THREADS
        status = ray_python_next_task(milliseconds, &task);
        Py_END_ALLOW_THREADS
    }
    if (status < 0) Py_RETURN_FALSE;
    if (status == 0) Py_RETURN_NONE;
    allocfunc allocate = PyType_GetSlot(task_type, Py_tp_alloc);
    task_object *self = (task_object *)allocate(task_type, 0);
    if (self == NULL) return NULL;
    self->task = task.task;
    self->call = task.call;
    self->attempt = task.attempt;
    memcpy(self->id, task.id, sizeof self->id);
    if (task.argument_count > 0) {
        self->arguments = fetched_arguments(&task);
        if (self->arguments == NULL) Py_CLEAR(self);
    }
    return (PyObject *)self;
}

// The task behind an object, still under way.
static task_object *under_way(PyObject *object) {
    if (!PyObject_TypeCheck(object, task_type) || ((task_object *)object)->task == NULL) {
        PyErr_SetString(PyExc_ValueError, "this is no task that is under way");
        return NULL;
    }
    return (task_object *)object;
}

static PyObject *task_description(PyObject *module, PyObject *object) {
    task_object *self = under_way(object);
    if (self == NULL) return NULL;
    struct ray_python_bytes bytes = ray_python_task_description(self->task);
    PyObject *description = PyBytes_FromStringAndSize(bytes.data, (Py_ssize_t)bytes.count);
    ray_python_free(bytes);
    return description;
}

// Ends a task well. The arguments' memory may go with it.
static void finish(task_object *self, const struct ray_python_argument *results, size_t count) {
    void *task = self->task;
    size_t size = 0;
    self->task = NULL;
    Py_CLEAR(self->arguments);
    for (size_t index = 0; index < count; index++) size += results[index].data.count;
    if (size < SMALL_VALUES_SIZE) {
        ray_python_finish_task(task, results, count);
    } else {
        Py_BEGIN_ALLOW_THREADS
        ray_python_finish_task(task, results, count);
        Py_END_ALLOW_THREADS
    }
}

static PyObject *finish_task(PyObject *module, PyObject *arguments) {
    PyObject *object, *values;
    if (!PyArg_ParseTuple(arguments, "OO!:finish_task", &object, &PyList_Type, &values)) return NULL;
    if (under_way(object) == NULL) return NULL;
    Py_ssize_t count = PyList_Size(values);
    struct outgoing *outgoing = calloc(count == 0 ? 1 : (size_t)count, sizeof *outgoing);
    struct ray_python_argument *plain = calloc(count == 0 ? 1 : (size_t)count, sizeof *plain);
    int is_good = outgoing != NULL && plain != NULL;
    if (!is_good) PyErr_NoMemory();
    for (Py_ssize_t index = 0; is_good && index < count; index++) {
        is_good = outgoing_fill(&outgoing[index], PyList_GetItem(values, index)) == 0;
        if (is_good) plain[index] = outgoing[index].argument;
    }
    // Filling may have given the lock away.
    if (is_good && (is_good = under_way(object) != NULL)) finish((task_object *)object, plain, (size_t)count);
    for (Py_ssize_t index = 0; outgoing != NULL && index < count; index++) outgoing_clear(&outgoing[index]);
    free(plain);
    free(outgoing);
    if (!is_good) return NULL;
    Py_RETURN_NONE;
}

static PyObject *finish_plain(PyObject *module, PyObject *const *arguments, Py_ssize_t argument_count) {
    if (argument_count != 2) {
        PyErr_SetString(PyExc_TypeError, "finish_plain wants a task and a value");
        return NULL;
    }
    PyObject *serialized = native->serialize_plain(NULL, arguments[1]);
    if (serialized == NULL) return NULL;
    int is_plain = serialized != Py_None, is_good = 1;
    if (is_plain) {
        struct outgoing value;
        is_good = outgoing_fill(&value, serialized) == 0 && under_way(arguments[0]) != NULL;
        if (is_good) finish((task_object *)arguments[0], &value.argument, 1);
        outgoing_clear(&value);
    }
    Py_DECREF(serialized);
    return is_good ? PyBool_FromLong(is_plain) : NULL;
}

static PyObject *fail_task(PyObject *module, PyObject *arguments) {
    PyObject *object;
    struct ray_python_bytes error;
    Py_ssize_t count;
    if (!PyArg_ParseTuple(arguments, "Oy#:fail_task", &object, &error.data, &count)) return NULL;
    task_object *self = under_way(object);
    if (self == NULL) return NULL;
    error.count = (size_t)count;
    void *task = self->task;
    self->task = NULL;
    Py_BEGIN_ALLOW_THREADS
    ray_python_fail_task(task, error);
    Py_END_ALLOW_THREADS
    Py_RETURN_NONE;
}

// Waits until the next item of a generator may be made, which its reader says in its own time: signals are looked for in
// between. The request is dropped.
static int await_reader(void *request) {
    int status = 0;
    while (status == 0) {
        Py_BEGIN_ALLOW_THREADS
        status = ray_python_await_sent(request, SLICE_MILLISECONDS);
        Py_END_ALLOW_THREADS
        if (status < 0) raise_failure();
        if (status == 0 && PyErr_CheckSignals() < 0) status = -1;
    }
    ray_python_release(request);
    return status;
}

static PyObject *yield_item(PyObject *module, PyObject *arguments) {
    PyObject *object, *serialized;
    if (!PyArg_ParseTuple(arguments, "OO:yield_item", &object, &serialized)) return NULL;
    task_object *self = under_way(object);
    if (self == NULL) return NULL;
    struct outgoing item;
    void *request = NULL;
    int status = outgoing_fill(&item, serialized);
    // That may have given the lock away.
    if (status == 0 && under_way(object) == NULL) status = -1;
    if (status == 0) {
        // Another thread may end the task meanwhile.
        void *task = self->task;
        ray_python_retain(task);
        Py_BEGIN_ALLOW_THREADS
        status = ray_python_yield(task, &item.argument, &request);
        Py_END_ALLOW_THREADS
        ray_python_release(task);
        if (status < 0) raise_failure();
    }
    outgoing_clear(&item);
    if (status < 0 || await_reader(request) < 0) return NULL;
    Py_RETURN_NONE;
}

static PyObject *admit_items(PyObject *module, PyObject *arguments) {
    PyObject *object;
    int count;
    if (!PyArg_ParseTuple(arguments, "Oi:admit_items", &object, &count)) return NULL;
    task_object *self = under_way(object);
    if (self == NULL) return NULL;
    void *task = self->task, *request = NULL;
    int status;
    ray_python_retain(task);
    Py_BEGIN_ALLOW_THREADS
    status = ray_python_admit(task, count, &request);
    Py_END_ALLOW_THREADS
    ray_python_release(task);
    if (status < 0) return raise_failure();
    if (await_reader(request) < 0) return NULL;
    Py_RETURN_NONE;
}

PyMethodDef task_methods[] = {
    {"next_task", next_task, METH_VARARGS, "The next Task, None after so many ms, False when the process is to end."},
    {"task_description", task_description, METH_O, "What a task is to run, as MessagePack."},
    {"finish_task", finish_task, METH_VARARGS, "finish_task(task, serialized results): ends it well."},
    {"finish_plain", (PyCFunction)(void (*)(void))finish_plain, METH_FASTCALL,
     "finish_plain(task, value): whether the value is plain; if so it has ended the task well."},
    {"fail_task", fail_task, METH_VARARGS, "fail_task(task, error as MessagePack): ends it with an error."},
    {"yield_item", yield_item, METH_VARARGS, "yield_item(task, serialized): returns when the next item is wanted."},
    {"admit_items", admit_items, METH_VARARGS, "admit_items(task, count): returns when so many items may be made."},
    {NULL, NULL, 0, NULL},
};
