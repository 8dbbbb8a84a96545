// Importing this folder registers every kernel of the tracing backend.
import './after';
import './elementwise';
import './fused';
import './indexing';
import './matmul';
import './reduce';
import './shape';
