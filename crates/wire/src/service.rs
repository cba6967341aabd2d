//! The contract between a service and the doors: a routing table from operations to functions, and the object-safe face of
//! it that the gateway is given. A service writes its table with [`routes!`](crate::routes) in its `lib.rs`, where it serves
//! as the table of contents.

use std::any::Any;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream::BoxStream;
use watchkeep_core::{BoxFuture, Caller};
use watchkeep_model::{Operation, Service, ServiceError, Structure};

/// What an operation answers: its output, and what some answers carry besides. An operation that only has an output may
/// return that; it is turned into a reply.
pub struct Reply<O> {
    /// The output.
    pub output: O,
    /// Further response headers, names in lower case.
    pub headers: Vec<(&'static str, String)>,
    /// The events of an operation whose output has an event-stream member; sent after the output.
    pub events: Option<Events>,
    /// What of the output is the whole body where the Query protocol is spoken.
    pub bare: Option<Bare>,
    /// The status, where it is another than the operation's.
    pub status: Option<u16>,
    /// The body, in place of a payload member that the output leaves out, of an answer too large for memory. The output says its
    /// length in a header of its own. A piece that is an error ends the answer early, which clients see by the length.
    pub body: Option<BoxStream<'static, Result<Bytes, ServiceError>>>,
}

/// The body of a request that comes in pieces, to an operation that takes it so: one whose bodies are too large for memory.
pub struct IncomingBody {
    /// How long its data is, if the client said so.
    pub length: Option<u64>,
    /// The trailers that the client promised to send behind it (`x-amz-trailer`), in lower case.
    pub promised: Vec<String>,
    /// What comes. An error means that the body is not what the client signed or announced, or that the client has gone: the
    /// call must change nothing then. Only the end of the stream says that all of it was right.
    pub pieces: BoxStream<'static, Result<BodyPiece, ServiceError>>,
}

/// A piece of a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BodyPiece {
    /// Data.
    Data(Bytes),
    /// What came behind the data, names in lower case; the last piece.
    Trailers(Vec<(String, String)>),
}

impl IncomingBody {
    /// A body that is there already.
    pub fn whole(bytes: impl Into<Bytes>) -> IncomingBody {
        let bytes: Bytes = bytes.into();
        let length = Some(bytes.len() as u64);
        let pieces = Box::pin(futures_util::stream::iter([Ok(BodyPiece::Data(bytes))]));
        IncomingBody { length, promised: Vec::new(), pieces }
    }
}

/// A blob that is answered as it is, not wrapped in a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bare {
    /// The output's member.
    pub member: &'static str,
    /// What it is.
    pub content_type: &'static str,
}

/// Events as they happen: each the union structure of the stream's schema with one member present, or the error that ends it.
pub type Events = BoxStream<'static, Result<Box<dyn Structure>, ServiceError>>;

impl<O> From<O> for Reply<O> {
    fn from(output: O) -> Self {
        Reply { output, headers: Vec::new(), events: None, bare: None, status: None, body: None }
    }
}

impl<O: Structure> Reply<O> {
    /// The same reply, its output's type forgotten.
    pub fn boxed(self) -> Reply<Box<dyn Structure>> {
        let Reply { output, headers, events, bare, status, body } = self;
        Reply { output: Box::new(output), headers, events, bare, status, body }
    }
}

/// The outcome of a routed call.
pub type CallResult = Result<Reply<Box<dyn Structure>>, ServiceError>;

/// One line of a service's routing table.
pub struct Route<S> {
    /// The operation.
    pub operation: &'static Operation,
    /// An empty input to decode into.
    pub new_input: fn() -> Box<dyn Structure>,
    /// Runs the operation.
    pub call: RouteCall<S>,
}

/// How an operation is run.
pub enum RouteCall<S> {
    /// With all of its input.
    Whole(WholeCall<S>),
    /// With its input but for the body, and the body as it comes.
    Streamed(StreamedCall<S>),
}

/// See [`RouteCall::Whole`].
pub type WholeCall<S> = fn(Arc<S>, Caller, Box<dyn Structure>) -> BoxFuture<'static, CallResult>;

/// See [`RouteCall::Streamed`].
pub type StreamedCall<S> = fn(Arc<S>, Caller, Box<dyn Structure>, IncomingBody) -> BoxFuture<'static, CallResult>;

/// A service as the gateway sees it.
pub trait RoutedService: Send + Sync {
    /// The service's model.
    fn model(&self) -> &'static Service;

    /// The operations that are routed.
    fn operations(&self) -> Vec<&'static Operation>;

    /// An empty input of the operation; `None` if it is not routed.
    fn new_input(&self, operation: &Operation) -> Option<Box<dyn Structure>>;

    /// Runs the operation. The input is one that [`RoutedService::new_input`] made, decoded and checked against the model's
    /// constraints.
    fn call(
        &self,
        operation: &'static Operation,
        caller: Caller,
        input: Box<dyn Structure>,
    ) -> BoxFuture<'static, CallResult>;

    /// Whether the operation takes its body as it comes: then it is run by [`RoutedService::call_streamed`].
    fn takes_stream(&self, _operation: &Operation) -> bool {
        false
    }

    /// Runs an operation that takes its body as it comes. The input is decoded without it.
    fn call_streamed(
        &self,
        operation: &'static Operation,
        caller: Caller,
        input: Box<dyn Structure>,
        _body: IncomingBody,
    ) -> BoxFuture<'static, CallResult> {
        self.call(operation, caller, input)
    }
}

/// A service with its routing table.
pub struct Routed<S: 'static> {
    model: &'static Service,
    service: Arc<S>,
    /// In the order of the operations' names.
    table: Vec<&'static Route<S>>,
}

impl<S: Send + Sync + 'static> Routed<S> {
    /// Ties the service to its table.
    pub fn new(model: &'static Service, service: Arc<S>, table: &'static [Route<S>]) -> Self {
        let mut table: Vec<_> = table.iter().collect();
        table.sort_by_key(|route| route.operation.name);
        Routed { model, service, table }
    }

    fn route(&self, operation: &Operation) -> Option<&'static Route<S>> {
        let index = self.table.binary_search_by_key(&operation.name, |route| route.operation.name).ok()?;
        self.table.get(index).copied()
    }
}

impl<S: Send + Sync + 'static> RoutedService for Routed<S> {
    fn model(&self) -> &'static Service {
        self.model
    }

    fn operations(&self) -> Vec<&'static Operation> {
        self.table.iter().map(|route| route.operation).collect()
    }

    fn new_input(&self, operation: &Operation) -> Option<Box<dyn Structure>> {
        Some((self.route(operation)?.new_input)())
    }

    fn call(
        &self,
        operation: &'static Operation,
        caller: Caller,
        input: Box<dyn Structure>,
    ) -> BoxFuture<'static, CallResult> {
        match self.route(operation).map(|route| &route.call) {
            Some(RouteCall::Whole(call)) => call(Arc::clone(&self.service), caller, input),
            Some(RouteCall::Streamed(call)) => {
                call(Arc::clone(&self.service), caller, input, IncomingBody::whole(Bytes::new()))
            }
            None => Box::pin(std::future::ready(Err(unknown_operation()))),
        }
    }

    fn takes_stream(&self, operation: &Operation) -> bool {
        self.route(operation).is_some_and(|route| matches!(route.call, RouteCall::Streamed(_)))
    }

    fn call_streamed(
        &self,
        operation: &'static Operation,
        caller: Caller,
        input: Box<dyn Structure>,
        body: IncomingBody,
    ) -> BoxFuture<'static, CallResult> {
        match self.route(operation).map(|route| &route.call) {
            Some(RouteCall::Streamed(call)) => call(Arc::clone(&self.service), caller, input, body),
            _ => self.call(operation, caller, input),
        }
    }
}

/// Several services that answer operations of one model, none of which two of them answer.
pub struct Joined {
    model: &'static Service,
    parts: Vec<Arc<dyn RoutedService>>,
}

impl Joined {
    /// Ties the services together. An operation that two of them route is the first one's.
    pub fn new(model: &'static Service, parts: Vec<Arc<dyn RoutedService>>) -> Joined {
        Joined { model, parts }
    }

    fn part(&self, operation: &Operation) -> Option<&Arc<dyn RoutedService>> {
        self.parts.iter().find(|part| part.new_input(operation).is_some())
    }
}

impl RoutedService for Joined {
    fn model(&self) -> &'static Service {
        self.model
    }

    fn operations(&self) -> Vec<&'static Operation> {
        let mut operations: Vec<_> = self.parts.iter().flat_map(|part| part.operations()).collect();
        operations.sort_by_key(|operation| operation.name);
        operations
    }

    fn new_input(&self, operation: &Operation) -> Option<Box<dyn Structure>> {
        self.parts.iter().find_map(|part| part.new_input(operation))
    }

    fn call(
        &self,
        operation: &'static Operation,
        caller: Caller,
        input: Box<dyn Structure>,
    ) -> BoxFuture<'static, CallResult> {
        match self.part(operation) {
            Some(part) => part.call(operation, caller, input),
            None => Box::pin(std::future::ready(Err(unknown_operation()))),
        }
    }

    fn takes_stream(&self, operation: &Operation) -> bool {
        self.part(operation).is_some_and(|part| part.takes_stream(operation))
    }

    fn call_streamed(
        &self,
        operation: &'static Operation,
        caller: Caller,
        input: Box<dyn Structure>,
        body: IncomingBody,
    ) -> BoxFuture<'static, CallResult> {
        match self.part(operation) {
            Some(part) => part.call_streamed(operation, caller, input, body),
            None => Box::pin(std::future::ready(Err(unknown_operation()))),
        }
    }
}

/// The error for an operation that is not routed.
pub fn unknown_operation() -> ServiceError {
    ServiceError::common("UnknownOperationException", "InvalidAction", 404, "The requested operation is not supported.")
}

/// The input as the type that the route's function takes. [`routes!`](crate::routes) uses it.
pub fn typed<I: Structure>(input: Box<dyn Structure>) -> Result<I, ServiceError> {
    let input: Box<dyn Any> = input;
    match input.downcast::<I>() {
        Ok(input) => Ok(*input),
        Err(_) => Err(ServiceError::common("InternalFailure", "InternalFailure", 500, "input of another operation")),
    }
}

/// Declares a routing table: for each operation of the model the async function
/// `fn(&Service, &Caller, Input) -> Result<Output or Reply<Output>, ServiceError>` that carries it out. Operations that take their
/// body as it comes stand in a second part; their functions are given the [`IncomingBody`] besides.
///
/// ```text
/// routes! {
///     /// What `objects` answers.
///     pub static ROUTES: Objects = s3 {
///         HeadObject => head_object::head_object,
///     } streamed {
///         PutObject => put_object::put_object,
///     }
/// }
/// ```
#[macro_export]
macro_rules! routes {
    ($(#[$doc:meta])* $visibility:vis static $name:ident: $service:ty = $model:ident {
        $($operation:ident => $function:path,)*
    } $(streamed {
        $($streamed:ident => $streamed_function:path,)*
    })?) => {
        $(#[$doc])*
        $visibility static $name: &[$crate::service::Route<$service>] = &[
            $($crate::service::Route {
                operation: <$crate::model::$model::operations::$operation as $crate::model::OperationType>::OPERATION,
                new_input: || {
                    ::std::boxed::Box::<<$crate::model::$model::operations::$operation as $crate::model::OperationType>::Input>::default()
                },
                call: $crate::service::RouteCall::Whole(|service, caller, input| ::std::boxed::Box::pin(async move {
                    type Operation = $crate::model::$model::operations::$operation;
                    let input = $crate::service::typed::<<Operation as $crate::model::OperationType>::Input>(input)?;
                    let reply = $function(&service, &caller, input).await?;
                    let reply: $crate::service::Reply<<Operation as $crate::model::OperationType>::Output> = reply.into();
                    Ok(reply.boxed())
                })),
            },)*
            $($($crate::service::Route {
                operation: <$crate::model::$model::operations::$streamed as $crate::model::OperationType>::OPERATION,
                new_input: || {
                    ::std::boxed::Box::<<$crate::model::$model::operations::$streamed as $crate::model::OperationType>::Input>::default()
                },
                call: $crate::service::RouteCall::Streamed(|service, caller, input, body| ::std::boxed::Box::pin(async move {
                    type Operation = $crate::model::$model::operations::$streamed;
                    let input = $crate::service::typed::<<Operation as $crate::model::OperationType>::Input>(input)?;
                    let reply = $streamed_function(&service, &caller, input, body).await?;
                    let reply: $crate::service::Reply<<Operation as $crate::model::OperationType>::Output> = reply.into();
                    Ok(reply.boxed())
                })),
            },)*)?
        ];
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use watchkeep_model::logs::{
        CreateLogGroupRequest, DescribeLogGroupsRequest, DescribeLogGroupsResponse, operations,
    };
    use watchkeep_model::{OperationType, Unit, View};

    struct Groups;

    async fn create_log_group(_: &Groups, _: &Caller, _: CreateLogGroupRequest) -> Result<Unit, ServiceError> {
        Ok(Unit {})
    }

    async fn describe_log_groups(
        _: &Groups,
        caller: &Caller,
        input: DescribeLogGroupsRequest,
    ) -> Result<DescribeLogGroupsResponse, ServiceError> {
        Ok(DescribeLogGroupsResponse {
            next_token: Some(format!("{}{:?}", caller.region, input.limit)),
            ..Default::default()
        })
    }

    crate::routes! {
        static ROUTES: Groups = logs {
            DescribeLogGroups => describe_log_groups,
            CreateLogGroup => create_log_group,
        }
    }

    fn caller() -> Caller {
        Caller {
            account: watchkeep_core::AccountId::DEFAULT,
            region: Default::default(),
            principal: watchkeep_core::Principal::Root,
            access_key_id: None,
            source_address: std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST),
            user_agent: None,
            request_id: "r".into(),
            secure_transport: false,
            client: Default::default(),
        }
    }

    crate::routes! {
        static OTHERS: Groups = logs {
            CreateLogGroup => create_log_group,
        }
    }

    crate::routes! {
        static ONE: Groups = logs {
            DescribeLogGroups => describe_log_groups,
        }
    }

    #[tokio::test]
    async fn services_of_one_model_answer_together() {
        let model = &watchkeep_model::logs::SERVICE;
        let part = |table| Arc::new(Routed::new(model, Arc::new(Groups), table)) as Arc<dyn RoutedService>;
        let joined = Joined::new(model, vec![part(ONE), part(OTHERS)]);
        let names: Vec<_> = joined.operations().iter().map(|operation| operation.name).collect();
        assert_eq!(names, ["CreateLogGroup", "DescribeLogGroups"]);
        for operation in joined.operations() {
            let input = joined.new_input(operation).unwrap();
            assert!(joined.call(operation, caller(), input).await.is_ok(), "{}", operation.name);
        }
        let other = operations::PutLogEvents::OPERATION;
        assert!(joined.new_input(other).is_none());
        let error = joined.call(other, caller(), Box::new(Unit {})).await.err().unwrap();
        assert_eq!(error.code, "UnknownOperationException");
    }

    #[tokio::test]
    async fn a_table_routes_typed_functions() {
        let routed = Routed::new(&watchkeep_model::logs::SERVICE, Arc::new(Groups), ROUTES);
        assert_eq!(
            routed.operations().iter().map(|o| o.name).collect::<Vec<_>>(),
            ["CreateLogGroup", "DescribeLogGroups"]
        );
        let operation = operations::DescribeLogGroups::OPERATION;
        let input = DescribeLogGroupsRequest { limit: Some(7), ..Default::default() };
        let reply = routed.call(operation, caller(), Box::new(input)).await.unwrap();
        let token = reply.output.schema().members.iter().position(|member| member.name == "nextToken").unwrap();
        assert!(matches!(reply.output.get(token), Some(View::String("us-east-1Some(7)"))));
        let other = operations::PutLogEvents::OPERATION;
        assert!(routed.new_input(other).is_none());
        assert_eq!(
            routed.call(other, caller(), Box::new(Unit {})).await.err().unwrap().code,
            "UnknownOperationException"
        );
    }
}
